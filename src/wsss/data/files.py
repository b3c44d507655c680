"""Many files at a time."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from wsss.io.progress import track

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], jobs: Sequence[T], what: str) -> list[R]:
    """Do independent jobs in threads, with progress under the name `what`.

    Decoding and hashing release the interpreter lock, so threads do as well as processes.

    Returns:
        The results in the order of the jobs.
    """
    with ThreadPoolExecutor() as pool:
        return list(track(pool.map(work, jobs), what, len(jobs)))


def digest(path: Path) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
