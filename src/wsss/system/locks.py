"""Locks of artifacts: of several runs that need the same one, one makes it and the others wait."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_PLANNED = "WSSS_PLANNED"
"""Environment variable with the time at which a workflow decided what it has to make."""

log = logging.getLogger("wsss")


def mark_planning() -> None:
    """Let the jobs of this workflow know that what is made from now on was not in its plan."""
    os.environ[_PLANNED] = repr(time.time())


def is_planned() -> bool:
    """Return whether this process is a job of a workflow."""
    return _PLANNED in os.environ


@contextmanager
def exclusive(artifact: Path) -> Iterator[bool]:
    """Hold the lock of an artifact for the block, after waiting for other runs that make it.

    Args:
        artifact: the file that is complete when the artifact is.

    Yields:
        Whether another run has completed it since this workflow was planned.
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
    """Return whether an artifact is younger than the plan of the workflow that runs this job."""
    planned = os.environ.get(_PLANNED)
    if planned is None or not artifact.exists():
        return False
    return artifact.stat().st_mtime > float(planned)
