"""Exclusive reservation of GPUs: no two jobs of a user on this machine use the same GPU."""

import fcntl
import logging
import os
import tempfile
import time
from pathlib import Path
from typing import IO

from wsss.errors import UserError
from wsss.system.ranks import launched

_POLL = 1.0
"""Seconds between two attempts to reserve a GPU."""

log = logging.getLogger("wsss")

_held: list[IO[str]] = []
"""Open lock files of the GPUs of this process."""


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
        free = {name: file for name, file in locks.items() if file is not None}
        # all or none: a waiting job must not hold GPUs that another could use
        chosen = list(free)[:wanted] if len(free) >= wanted else []
        for name, file in free.items():
            if name in chosen:
                _held.append(file)
            else:
                file.close()
        if chosen:
            return chosen
        if not logged:
            log.info("waiting until %d of %d GPUs are free of other jobs", wanted, len(names))
        logged = True
        time.sleep(_POLL)


def release() -> None:
    """Release the GPUs of this process."""
    while _held:
        _held.pop().close()


def _lock(name: str, folder: Path) -> IO[str] | None:
    """Lock the file of a GPU and return it open; None if another process holds the lock."""
    # within every SLURM job or step, GPUs are numbered from 0
    job = [os.environ.get(key, "") for key in ("SLURM_JOB_ID", "SLURM_STEP_ID")]
    parts = ["wsss", "gpu", str(os.getuid()), *job, name.strip().replace("/", "_")]
    file = (folder / "-".join(filter(None, parts))).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
