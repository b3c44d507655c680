"""The Snakemake that runs the jobs: they end with it, however it ends.

Else jobs of a killed run would go on beside those of the next one.
"""

import os
import platform
import select
import signal
import threading

from wsss.errors import UserError

_DRIVER = "WSSS_DRIVER"


def announce() -> None:
    """Let the jobs that this process starts follow it."""
    os.environ[_DRIVER] = f"{os.getpid()}@{platform.node()}"


def follow() -> None:
    """Let SIGTERM reach this process when the one that announced itself is gone.

    Nothing follows where none did, on other nodes, or where the kernel has no handles of processes.

    Raises:
        UserError: it is gone already.
    """
    number, _, node = os.environ.get(_DRIVER, "").partition("@")
    if node != platform.node() or not hasattr(os, "pidfd_open"):
        return
    try:
        handle = os.pidfd_open(int(number))
    except ProcessLookupError as error:
        raise UserError("the Snakemake that started this job has ended") from error
    except OSError:
        # a kernel before Linux 5.3
        return
    threading.Thread(target=_wait, args=(handle,), daemon=True).start()


def _wait(handle: int) -> None:
    select.select([handle], [], [])
    os.kill(os.getpid(), signal.SIGTERM)
