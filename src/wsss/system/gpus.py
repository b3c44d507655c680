"""The GPUs that a job takes: no two jobs of a user on this machine take the same."""

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
"""Seconds after which a job looks again for a free GPU."""

log = logging.getLogger("wsss")

_held: list[IO[str]] = []


def take(count: int, wanted: int = 1) -> None:
    """Leave `wanted` free GPUs visible to CUDA, and hold them until this process ends.

    It must be called before CUDA starts. Waits while others of the user's jobs hold too many. Does
    nothing in a process that has its GPUs already, or was launched with them.

    Args:
        count: GPUs that CUDA sees.
        wanted: GPUs of this job.

    Raises:
        UserError: there are not that many GPUs.
    """
    if wanted > count:
        raise UserError(f"a training on {wanted} GPUs is asked for, but only {count} can be seen")
    if not _held and not launched():
        names = visible(count)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(claim(names, wanted))


def visible(count: int) -> list[str]:
    """Return the names of the first `count` visible GPUs, as CUDA_VISIBLE_DEVICES lists them."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    return names.split(",")[:count] if names else [str(number) for number in range(count)]


def claim(names: list[str], wanted: int = 1, folder: Path | None = None) -> list[str]:
    """Return the first `wanted` GPUs of `names` that are free, all at once; waits for them.

    Args:
        names: the GPUs there are; at least `wanted`.
        wanted: how many to hold until this process ends, or `release` is called.
        folder: where their lock files lie; None = the folder of temporary files.
    """
    told = False
    while True:
        locks = {name: _lock(name, folder or Path(tempfile.gettempdir())) for name in names}
        free = [name for name, file in locks.items() if file is not None]
        taken = free[:wanted] if len(free) >= wanted else []
        for name in free:
            _held.append(locks[name]) if name in taken else locks[name].close()
        if taken:
            return taken
        if not told:
            log.info("waiting until %d of %d GPUs are free of other jobs", wanted, len(names))
        told = True
        time.sleep(_POLL)


def release() -> None:
    """Let others have the GPUs of this process."""
    while _held:
        _held.pop().close()


def _lock(name: str, folder: Path) -> IO[str] | None:
    """Return the locked file that stands for a GPU, or None if another process holds it."""
    # SLURM numbers the GPUs of every job, or step of it, anew
    place = [os.environ.get(key, "") for key in ("SLURM_JOB_ID", "SLURM_STEP_ID")]
    parts = ["wsss", "gpu", str(os.getuid()), *place, name.strip().replace("/", "_")]
    file = (folder / "-".join(filter(None, parts))).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
