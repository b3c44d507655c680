"""Memory that the C library keeps between the layers of a network.

glibc gives every block of more than 32 MiB back to the system when it is freed. The next layer gets
such a block anew, page by page, and the system clears each page. On a CPU that takes longer than a
layer of a small network, whose feature maps are as large as that.
"""

import ctypes
import os

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Options of glibc's mallopt (malloc.h)."""

_KEPT, _STEP = 2**31 - 1, 2**26
"""Bytes that may be free before any are given back, and bytes that are asked for at a time."""


def keep_freed() -> None:
    """Let this process keep up to 2 GiB of freed memory.

    Does nothing where `MALLOC_...` in the environment sets glibc's options, or without glibc.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        # no blocks of their own for large sizes: they come from the heap, which is kept
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_TOP_PAD, _STEP)
