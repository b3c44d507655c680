import os
import signal

import pytest

from wsss.system.sigchld import Deferrable


def kill():
    os.kill(os.getpid(), signal.SIGCHLD)


@pytest.fixture
def killed():
    """Handler around one that raises, as torch's does for a killed loader process."""

    def handler(*_):
        raise RuntimeError("killed")

    before = signal.signal(signal.SIGCHLD, handler)
    deferrable = Deferrable()
    deferrable.install()
    yield deferrable
    signal.signal(signal.SIGCHLD, before)


def test_a_killed_loader_raises_at_once(killed):
    with pytest.raises(RuntimeError, match="killed"):
        kill()


def test_a_killed_loader_waits_for_the_block_that_raises(killed):
    with killed.deferred():
        kill()
        with pytest.raises(RuntimeError, match="killed"), killed.raised():
            pytest.fail("the error came too late")
        # raised once, and deferred again
        with killed.raised():
            pass
        kill()


def test_a_killed_loader_raises_while_it_is_waited_for(killed):
    with killed.deferred(), pytest.raises(RuntimeError, match="killed"), killed.raised():
        kill()
