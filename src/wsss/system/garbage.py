"""The search for garbage at the end of a process, which takes a quarter of PyTorch's import."""

import atexit
import gc
import sys


def leave_at_exit() -> None:
    """Let the process end without looking for garbage, unless a package reports what is left."""
    atexit.register(_leave)


def _leave() -> None:
    # Triton would report everything that is not collected as a leak
    if "triton" not in sys.modules:
        gc.freeze()
