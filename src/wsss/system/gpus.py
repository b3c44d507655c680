"""Exclusive reservation of GPUs: no two jobs of a user on this machine use the same GPU."""

import logging
import os
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

from wsss.errors import UserError
from wsss.system.ranks import launched

_POLL = 1.0
"""Seconds between two attempts to reserve a GPU."""

log = logging.getLogger("wsss")

_held: list[FileLock] = []
"""Locks of the GPUs of this process."""


def reserve(count: int, wanted: int = 1) -> None:
    """Reserve `wanted` free GPUs until this process ends and hide all others from CUDA.

    Must be called before CUDA is initialised. Waits while other jobs of the user hold too many
    GPUs. Does nothing if this process has GPUs already, or was launched with GPUs assigned.

    Args:
        count: number of GPUs visible to CUDA.
        wanted: number of GPUs of this job.

    Raises:
        UserError: fewer than `wanted` GPUs are visible.
    """
    if wanted > count:
        raise UserError(f"a training on {wanted} GPUs was requested, but only {count} are visible")
    if not _held and not launched():
        names = visible(count)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(acquire(names, wanted))


def visible(count: int) -> list[str]:
    """Names of the first `count` visible GPUs, as in CUDA_VISIBLE_DEVICES."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    return names.split(",")[:count] if names else [str(number) for number in range(count)]


def acquire(names: list[str], wanted: int = 1, folder: Path | None = None) -> list[str]:
    """Lock `wanted` of the GPUs `names`, all at once, waiting until so many are free.

    Args:
        names: the GPUs, at least `wanted`.
        wanted: number of GPUs to hold until this process ends, or `release` is called.
        folder: folder of the lock files; None = the system's folder of temporary files.

    Returns:
        Names of the locked GPUs, in the order of `names`.
    """
    logged = False
    while True:
        locks = {name: _lock(name, folder or Path(tempfile.gettempdir())) for name in names}
        free = {name: lock for name, lock in locks.items() if lock is not None}
        # all or none: a waiting job must not hold GPUs that another could use
        chosen = list(free)[:wanted] if len(free) >= wanted else []
        for name, lock in free.items():
            if name in chosen:
                _held.append(lock)
            else:
                lock.release()
        if chosen:
            return chosen
        if not logged:
            log.info("waiting until %d of %d GPUs are free of other jobs", wanted, len(names))
        logged = True
        time.sleep(_POLL)


def release() -> None:
    """Release the GPUs of this process."""
    while _held:
        _held.pop().release()


def _lock(name: str, folder: Path) -> FileLock | None:
    """Lock the file of a GPU; None if another process holds the lock."""
    # within every SLURM job or step, GPUs are numbered from 0
    job = [os.environ.get(key, "") for key in ("SLURM_JOB_ID", "SLURM_STEP_ID")]
    parts = ["wsss", "gpu", str(os.getuid()), *job, name.strip().replace("/", "_")]
    lock = FileLock(folder / "-".join(filter(None, parts)))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
