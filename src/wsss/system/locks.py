"""Locks of artifacts: one of several workflows makes a shared artifact, the others wait."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_PLANNED = "WSSS_PLANNED"
"""Environment variable with the time at which the workflow was planned."""

log = logging.getLogger("wsss")


def mark_planning() -> None:
    """Pass the time of planning to the jobs of this workflow."""
    os.environ[_PLANNED] = repr(time.time())


def is_planned() -> bool:
    """True if this process is a job of a workflow."""
    return _PLANNED in os.environ


@contextmanager
def exclusive(artifact: Path) -> Iterator[bool]:
    """Hold the lock of an artifact for the block; waits for other workflows that make it.

    Args:
        artifact: last file of the artifact to be written.

    Yields:
        True if another workflow has made the artifact since this one was planned.
    """
    artifact.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(artifact.with_name(f".{artifact.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("waiting for another run that makes the same: %s", artifact)
        lock.acquire()
    except (NotImplementedError, OSError):
        # a file system without locks; a full or read-only one is reported by what writes there
        yield False
        return
    try:
        yield _is_new(artifact)
    finally:
        lock.release()


def _is_new(artifact: Path) -> bool:
    """True if an artifact is newer than the plan of this job's workflow."""
    planned = os.environ.get(_PLANNED)
    if planned is None or not artifact.exists():
        return False
    return artifact.stat().st_mtime > float(planned)
