"""Errors of killed loader processes that wait for the end of a training step.

torch raises them in its handler of SIGCHLD, hence anywhere in the main thread: within a step, which
leaves the state of a training inconsistent, or while its checkpoint is written.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from wsss.system.sigterm import Handler


class Deferrable:
    """Handler of SIGCHLD around that of torch, which can wait."""

    def __init__(self) -> None:
        self._torch: Handler | None = None
        self._deferred = self._received = False

    def install(self) -> None:
        """Take the place of torch's handler, which it installs with its first loader process."""
        current = signal.getsignal(signal.SIGCHLD)
        main = threading.current_thread() is threading.main_thread()
        if main and callable(current) and current is not self:
            self._torch = current
            signal.signal(signal.SIGCHLD, self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal, or keep it for the next block of `raised`."""
        if self._deferred:
            self._received = True
        elif self._torch is not None:
            self._torch(number, frame)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the block continue when a loader process was killed, but for blocks of `raised`."""
        with self._set(deferred=True):
            yield

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Raise the RuntimeError of a killed loader process within the block, deferred or new."""
        with self._set(deferred=False):
            if self._received:
                self._received = False
                self(signal.SIGCHLD, None)
            yield

    @contextmanager
    def _set(self, deferred: bool) -> Iterator[None]:
        before, self._deferred = self._deferred, deferred
        try:
            yield
        finally:
            self._deferred = before


KILLED_LOADERS = Deferrable()
