"""Thread pool for work on many files."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from wsss.io.progress import track

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], jobs: Sequence[T], what: str, threads: int) -> list[R]:
    """Run independent jobs in threads, with progress under the name `what`.

    Decoding and hashing release the interpreter lock, so threads are as fast as processes.

    Returns:
        Results in the order of the jobs.
    """
    with ThreadPoolExecutor(max(1, threads)) as pool:
        return list(track(pool.map(work, jobs), what, len(jobs)))
