"""What Snakemake keeps in `.snakemake`, where a run that was killed leaves it in disorder.

Its lock of a folder outlives its run, and its records of how outputs were made are not written
whole or not at all.
"""

import errno
import fcntl
import json
import os
import platform
import shutil
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from wsss.io.atomic import is_unwritable, unwritable, write_text

_FACTS = {"rule": str, "input": list, "params": list}
"""What Snakemake compares, and its kind."""

_held: list[TextIO] = []
"""The kernel releases these with the process, however it ends."""


def heal(folder: Path) -> list[str]:
    """Mend what a killed run or a power cut left in `folder`, and mark this run as alive.

    The locks of a killed run go. What has a damaged record is marked as incomplete, so that
    Snakemake makes it again. All stays as it is if another run may be alive: one of this machine
    that holds its mark, or one that was started on another machine.

    Call it before Snakemake takes its own lock.

    Args:
        folder: `.snakemake` of the working directory.

    Returns:
        What was mended, a line each.

    Raises:
        UserError: the folder cannot be written; not even a dry run of Snakemake works then.
    """
    locks = folder / "locks"
    mended = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "wsss.lock").open("a+", encoding="utf-8", errors="replace")
        if _alone(file) and _ours(file, locks):
            if any(locks.glob("*.lock")):
                shutil.rmtree(locks)
                mended.append("Removed the lock of a run that was killed.")
            mended += _forget_damaged(folder)
        # shared from here on: dry runs may stand beside each other and beside one real run
        fcntl.flock(file, fcntl.LOCK_SH)
    except OSError as error:
        if is_unwritable(error) or _is_forbidden(folder, error):
            raise unwritable(folder, error) from error
        # another user's mark, or a file system without marks: Snakemake's own lock decides
        return mended
    _held.append(file)
    return mended


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


def _forget_damaged(folder: Path) -> Iterator[str]:
    """Replace each record that Snakemake cannot understand by the mark of what is incomplete.

    Without either its output would count as up to date, whatever has changed since.
    """
    records = folder / "metadata"
    for file in filter(Path.is_file, records.rglob("*")):
        place = file.relative_to(records)
        if not _is_whole(file) and (output := _output_of(place)):
            write_text(folder / "incomplete" / place, '{"external_jobid": null}')
            file.unlink()
            yield f"The record of how {output} was made is damaged: it is made again."


def _is_whole(record: Path) -> bool:
    """Tell whether a record names the rule that made an output, and all that it was made from."""
    try:
        facts = json.loads(record.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and all(isinstance(facts.get(k), t) for k, t in _FACTS.items())


def _output_of(record: Path) -> str:
    """Return the output that a record is of; empty if its name is not one of Snakemake's."""
    name = "".join(part.removeprefix("@") for part in record.parts)
    try:
        return b64decode(name, b"-_", validate=True).decode()
    except ValueError:
        return ""
