"""A folder with a table of labels: columns `image`, `split`, `labels` and optionally `mask`.

`image` and `mask` are paths relative to the folder. `labels` are class names separated by `;`; the
single word `background` marks an image with none of the classes. Other columns are ignored, as are
rows of splits that the configuration does not name.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.data.sources.base import Source
from wsss.data.sources.listing import Listing, Record
from wsss.errors import UserError
from wsss.names import cleaned


@dataclass(frozen=True)
class Row:
    """Row of a table: its line number and its stripped fields by column."""

    line: int
    fields: Mapping[str, str]


def read(dataset: Dataset, root: Path) -> Listing:
    """List the images of the table `dataset.labels`.

    Raises:
        UserError: the table is missing, no CSV, not UTF-8, or lacks a column.
    """
    table = root / dataset.labels
    rows, problems = read_table(table, ("image", "split", "labels"))
    wanted = {theirs: ours for ours, theirs in dataset.splits.items()}
    records = []
    for row in rows:
        where = f"{dataset.labels}:{row.line}"
        if not row.fields["image"]:
            problems.append(f"{where}: the image column is empty")
        elif row.fields["split"] in wanted:
            records.append(_record(row, wanted[row.fields["split"]], where))
    source = f"column mask of {dataset.labels}" if any(r.mask for r in records) else ""
    names = tuple(dataset.classes) or None
    unused = list(_unused(table, rows, wanted))
    return Listing(root, tuple(records), names, source, problems, warnings=unused)


def read_table(path: Path, required: tuple[str, ...]) -> tuple[list[Row], list[str]]:
    """Read a CSV table with a header line.

    Byte-order marks, all line endings and quoted fields are accepted; blank lines are skipped.

    Args:
        path: the table.
        required: columns it must have, in any order.

    Returns:
        The well-formed rows, and one line per malformed one.

    Raises:
        UserError: the table as a whole cannot be parsed; names the file and, if known, the line.
    """
    reader = csv.reader(io.StringIO(_decoded(path), newline=""), strict=True)
    rows, problems = [], []
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header, required)
        # one row or one problem per line
        for row in reader:
            if len(row) != len(header) and any(row):
                wrong = f"{len(row)} fields instead of {len(header)}; quote a field with a comma"
                problems.append(f"{path.name}:{reader.line_num}: {wrong}")
            elif any(field.strip() for field in row):
                fields = (field.strip() for field in row)
                rows.append(Row(reader.line_num, dict(zip(header, fields, strict=True))))
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: not valid CSV ({error})") from error
    if not rows and not problems:
        raise UserError(f"{path}: the table has no rows")
    return rows, problems


def split_labels(text: str) -> tuple[str, ...]:
    """Split `cat; dog` into names, each once, in order; an empty name stays as ''."""
    return tuple(dict.fromkeys(map(cleaned, text.split(";")))) if text else ()


def _record(row: Row, split: str, where: str) -> Record:
    mask = row.fields.get("mask")
    labels = split_labels(row.fields["labels"])
    return Record(Path(row.fields["image"]), split, labels, Path(mask) if mask else None, where)


def _decoded(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a regular file")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if not data.strip():
        raise UserError(f"{path}: the table is empty")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        byte = f"byte 0x{data[error.start]:02x}"
        raise UserError(f"{path}:{line}: not UTF-8 ({byte}); save the table as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check_header(path: Path, header: list[str], required: tuple[str, ...]) -> None:
    missing = [name for name in required if name not in header]
    doubled = [name for name, count in Counter(header).items() if count > 1 and name in required]
    if missing:
        found = f"found: {', '.join(header)}; columns are separated by commas"
        raise UserError(f"{path}:1: no column {', '.join(missing)} ({found})")
    if doubled:
        raise UserError(f"{path}:1: column {doubled[0]} occurs twice")


def _unused(table: Path, rows: list[Row], wanted: Mapping[str, str]) -> Iterator[str]:
    """Yield the splits that no key names: a misspelt one must not shrink the data set unnoticed."""
    unused = Counter(row.fields["split"] for row in rows if row.fields["split"] not in wanted)
    for split, count in unused.items():
        yield f"{table.name}: {count} rows of split {split!r} are not used"


def _tables(dataset: Dataset, root: Path) -> list[Path]:
    return [root / dataset.labels]


SOURCE = Source(read, parsed_tables=_tables)
