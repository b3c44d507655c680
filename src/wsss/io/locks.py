"""Snakemake's lock of a folder outlives a run that was killed; here it goes with its run."""

import fcntl
import platform
import shutil
from pathlib import Path
from typing import TextIO

_held: list[TextIO] = []
"""The kernel releases these with the process, however it ends."""


def release_stale(folder: Path) -> bool:
    """Remove the locks that a killed run left in `folder`, and mark this run as alive.

    They stay if another run may be alive: one of this machine that holds its mark, or one that was
    started on another machine. Call it before Snakemake takes its own lock.

    Args:
        folder: `.snakemake` of the working directory.

    Returns:
        Whether there were stale locks.
    """
    locks = folder / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "wsss.lock").open("a+", encoding="utf-8")
        stale = _alone(file) and _ours(file, locks) and any(locks.glob("*.lock"))
        if stale:
            shutil.rmtree(locks)
        # shared from here on: dry runs may stand beside each other and beside one real run
        fcntl.flock(file, fcntl.LOCK_SH)
    except OSError:
        # read-only folder, or a file system without marks: Snakemake's own lock decides
        return False
    _held.append(file)
    return stale


def _alone(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ours(file: TextIO, locks: Path) -> bool:
    """Tell whether the locks are those of this machine; without any, the next ones are.

    Marks may not reach other machines of a shared file system.
    """
    if any(locks.glob("*.lock")):
        file.seek(0)
        return file.read() == platform.node()
    file.truncate(0)
    file.write(platform.node())
    file.flush()
    return True
