"""Commit records: tables that are written last, and list the files of a finished artifact.

The images of a split may be shared among several jobs. Each writes the record of its part,
`<split>/parts/<i>-of-<n>.tsv`; `join` makes them the record of the split. Readers see that alone.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.checksummed import add_checksum, verify_checksum

PARTS = "parts"
"""Folder of the records of parts, and of the files that belong to a part alone."""

LABEL_COLUMNS = ("image_id", "sha256")
"""Columns of a record of label maps: the PNGs `<image id>.png` are in the folder of the split."""

MAP_COLUMNS = ("image_id", "file", "arrays")
"""Columns of a record of score maps: `.npz` file relative to the folder of the split, names of the
arrays joined by commas."""

_REMEDY = "delete it and run again to rebuild it"


def split_folder(record: Path) -> Path:
    """Return the folder of the split that a record, or the record of a part, belongs to."""
    return record.parent.parent if record.parent.name == PARTS else record.parent


def record_text(provenance: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a record without its checksum line; the provenance is its first line."""
    lines = ["\t".join(columns), *map("\t".join, rows)]
    return "\n".join([f"#{provenance}", *lines, ""])


def write_record(
    path: Path, provenance: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Write a record atomically, with its checksum line."""
    write_text(path, add_checksum(record_text(provenance, columns, rows)))


def read_record(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """Return the rows of a record.

    Raises:
        UserError: it is missing, damaged, or a record with other columns.
    """
    return _read(path, [tuple(columns)])[2]


def read_provenance(path: Path) -> str:
    """Return how the files of a record were made, one line; empty if it does not say.

    Raises:
        UserError: it is missing, damaged, or no commit record.
    """
    return _read(path, [LABEL_COLUMNS, MAP_COLUMNS])[0]


def join(parts: Sequence[Path], out: Path) -> int:
    """Write the record of a split from those of its parts, and remove files of other parts.

    Args:
        parts: records of all parts, in order.
        out: record of the split.

    Returns:
        Number of images.

    Raises:
        UserError: a record is missing or damaged, two are of different kinds, or two list the
            same image.
    """
    tables = [_read(path, [LABEL_COLUMNS, MAP_COLUMNS]) for path in parts]
    rows: dict[str, list[str]] = {}
    for (provenance, columns, found), path in zip(tables, parts, strict=True):
        if (provenance, columns) != tables[0][:2]:
            raise UserError(f"{path}: of another kind or version than {parts[0]}; {_REMEDY}")
        for row in found:
            if row[0] in rows:
                raise UserError(f"{path}: image {row[0]} is also in another part; {_REMEDY}")
            rows[row[0]] = row
    provenance, columns, _ = tables[0]
    write_record(out, provenance, columns, rows.values())
    _remove_other_parts(out.parent / PARTS, parts)
    return len(rows)


def _remove_other_parts(folder: Path, parts: Sequence[Path]) -> None:
    """Remove files that an interrupted run with another number of jobs left."""
    kept = {path.stem for path in parts}
    for path in folder.iterdir():
        if path.stem not in kept and path.suffix in (".tsv", ".npz"):
            with suppress(OSError):
                path.unlink()


def _read(
    path: Path, known: Sequence[tuple[str, ...]]
) -> tuple[str, tuple[str, ...], list[list[str]]]:
    """Return provenance, columns and rows of a record with one of the known columns."""
    try:
        first, second, *lines, _ = verify_checksum(path.read_bytes().decode()).split("\n")
    except OSError as error:
        again = _REMEDY if path.exists() else "run again to rebuild it"
        raise UserError(f"{path}: cannot be read ({error.strerror}); {again}") from error
    except ValueError as error:
        raise UserError(f"{path}: not a complete commit record ({error}); {_REMEDY}") from error
    columns, rows = tuple(second.split("\t")), [line.split("\t") for line in lines]
    if columns not in known or any(len(row) != len(columns) for row in rows):
        raise UserError(f"{path}: not a commit record; {_REMEDY}")
    return first.removeprefix("#"), columns, rows
