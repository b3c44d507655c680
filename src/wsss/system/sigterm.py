"""Handlers of SIGTERM, which cluster schedulers send at the end of a job's time limit."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from wsss.errors import Terminated

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def as_exception() -> Iterator[None]:
    """Raise `Terminated` within the block when SIGTERM arrives."""

    def handler(*_: object) -> None:
        # a second SIGTERM must not interrupt the clean-up
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    with _handled(handler):
        yield


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Let the block continue on SIGTERM; yield a function that returns True once it arrived."""
    received = []

    def handler(number: int, _: FrameType | None) -> None:
        received.append(number)

    with _handled(handler):
        yield lambda: bool(received)


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    """Install a handler of SIGTERM for the block."""
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
