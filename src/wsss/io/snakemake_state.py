"""Repair of `.snakemake` after a killed run: stale locks and damaged metadata records.

Snakemake's lock outlives a killed run, and Snakemake does not write its metadata atomically.
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

_RECORD_FIELDS = {"rule": str, "input": list, "params": list}
"""Fields of a metadata record that Snakemake compares, and their types."""

_held: list[TextIO] = []
"""Open lock files; the kernel releases their locks when the process ends."""


def repair(folder: Path) -> list[str]:
    """Remove stale locks, mark outputs with damaged records as incomplete, and lock `folder`.

    Snakemake makes incomplete outputs again. Nothing is changed if another run may be alive: one
    on this machine that holds `wsss.lock`, or one that was started on another machine.

    Call it before Snakemake takes its own lock.

    Args:
        folder: `.snakemake` of the working directory.

    Returns:
        One line per repair.

    Raises:
        UserError: the folder cannot be written; not even a dry run of Snakemake works then.
    """
    locks = folder / "locks"
    repairs = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "wsss.lock").open("a+", encoding="utf-8", errors="replace")
        if _lock_exclusively(file) and _from_this_machine(file, locks):
            if any(locks.glob("*.lock")):
                shutil.rmtree(locks)
                repairs.append("Removed the lock of a run that was killed.")
            repairs += _drop_damaged_records(folder)
        # a shared lock from here on: dry runs may run beside each other and beside one real run
        fcntl.flock(file, fcntl.LOCK_SH)
    except OSError as error:
        if is_unwritable(error) or _is_forbidden(folder, error):
            raise unwritable(folder, error) from error
        # another user's lock file, or a file system without locks: Snakemake's own lock decides
        return repairs
    _held.append(file)
    return repairs


def _is_forbidden(folder: Path, error: OSError) -> bool:
    return error.errno == errno.EACCES and not os.access(folder, os.W_OK)


def _lock_exclusively(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _from_this_machine(file: TextIO, locks: Path) -> bool:
    """True if Snakemake's locks come from this machine; records its name if there are none.

    On a shared file system, `flock` may not reach other machines.
    """
    if any(locks.glob("*.lock")):
        file.seek(0)
        return file.read() == platform.node()
    file.truncate(0)
    file.write(platform.node())
    file.flush()
    return True


def _drop_damaged_records(folder: Path) -> Iterator[str]:
    """Replace each damaged metadata record by Snakemake's mark of an incomplete output.

    Without a record or mark, Snakemake takes an output as up to date even if its code changed.
    """
    records = folder / "metadata"
    for file in filter(Path.is_file, records.rglob("*")):
        name = file.relative_to(records)
        if not _is_valid(file) and (output := _output_of(name)):
            write_text(folder / "incomplete" / name, '{"external_jobid": null}')
            file.unlink()
            yield f"Snakemake's metadata of {output} is damaged: the file is made again."


def _is_valid(record: Path) -> bool:
    """True if a metadata record has the rule, inputs and parameters of its output."""
    try:
        fields = json.loads(record.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and all(
        isinstance(fields.get(key), kind) for key, kind in _RECORD_FIELDS.items()
    )


def _output_of(record: Path) -> str:
    """Decode the path of the output from a record's file name; empty if it is not Snakemake's."""
    name = "".join(part.removeprefix("@") for part in record.parts)
    try:
        return b64decode(name, b"-_", validate=True).decode()
    except ValueError:
        return ""
