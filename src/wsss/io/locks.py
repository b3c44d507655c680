"""What Snakemake keeps in `.snakemake`, where it would stop without a word that helps.

Its lock of a folder outlives a run that was killed; here it goes with its run.
"""

import errno
import fcntl
import os
import platform
import shutil
from base64 import b64decode
from pathlib import Path
from typing import TextIO

from wsss.errors import UserError
from wsss.io.atomic import is_unwritable, unwritable

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

    Raises:
        UserError: the folder cannot be written; not even a dry run of Snakemake works then.
    """
    locks = folder / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "wsss.lock").open("a+", encoding="utf-8", errors="replace")
        stale = _alone(file) and _ours(file, locks) and any(locks.glob("*.lock"))
        if stale:
            shutil.rmtree(locks)
        # shared from here on: dry runs may stand beside each other and beside one real run
        fcntl.flock(file, fcntl.LOCK_SH)
    except OSError as error:
        if is_unwritable(error) or _is_forbidden(folder, error):
            raise unwritable(folder, error) from error
        # another user's mark, or a file system without marks: Snakemake's own lock decides
        return False
    _held.append(file)
    return stale


def _is_forbidden(folder: Path, error: OSError) -> bool:
    return error.errno == errno.EACCES and not os.access(folder, os.W_OK)


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


def check_records(folder: Path) -> None:
    """Refuse a record of how an output was made if Snakemake cannot decode it.

    It is not removed: an output without its record would count as up to date.

    Args:
        folder: `.snakemake` of the working directory.

    Raises:
        UserError: naming the record and its output.
    """
    records = folder / "metadata"
    for file in filter(Path.is_file, records.rglob("*")):
        try:
            file.read_bytes().decode()
        except UnicodeDecodeError as error:
            if output := _output_of(file.relative_to(records)):
                remedy = f"delete it and {output}, then run the same command again"
                raise UserError(f"{file}: this record is damaged; {remedy}") from error


def _output_of(record: Path) -> str:
    """Return the output that a record is of; empty if its name is not one of Snakemake's."""
    name = "".join(part.removeprefix("@") for part in record.parts)
    try:
        return b64decode(name, b"-_", validate=True).decode()
    except ValueError:
        return ""
