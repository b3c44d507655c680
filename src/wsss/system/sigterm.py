"""SIGTERM, with which clusters announce the end of a job's time."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from wsss.errors import Terminated

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def raised() -> Iterator[None]:
    """Raise `Terminated` wherever the block is when SIGTERM comes."""

    def handler(*_: object) -> None:
        # once is enough: the way out is not interrupted
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    with _handled(handler):
        yield


@contextmanager
def noted() -> Iterator[Callable[[], bool]]:
    """Let the block go on when SIGTERM comes; yield a function that tells whether it came."""
    came = []

    def handler(number: int, _: FrameType | None) -> None:
        came.append(number)

    with _handled(handler):
        yield lambda: bool(came)


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
