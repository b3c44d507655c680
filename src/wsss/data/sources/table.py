"""Tables of labels, as people and spreadsheets write them.

The delimiter is a comma, semicolon or tab; the case of headers does not matter, and `filename`
means `image`, for example. Without a column of labels, one column per class that holds 0 and 1
takes its place; a row of zeros is background.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsss.errors import UserError
from wsss.files import regular
from wsss.io.cells import unescaped
from wsss.names import NO_CLASS, cleaned, folded

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_ALIASES = {
    "image": (
        *("filename", "file_name", "file name", "file", "path", "image_path", "image path"),
        *("image_name", "image name", "image_id", "image id", "img", "images"),
    ),
    "split": ("subset", "set", "partition"),
    "labels": ("label", "class", "classes", "class_name", "category", "categories", "tags"),
    "mask": ("masks", "mask_path", "mask path"),
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATOR = re.compile(r"sep=(.)\n", re.IGNORECASE)
"""First line from which Excel reads the delimiter of a table."""

_SHOWN = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


@dataclass(frozen=True)
class Row:
    """Row of a table: its line number and its stripped fields by column."""

    line: int
    fields: Mapping[str, str]


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
    text = _decoded(path)
    named = _SEPARATOR.match(text)
    if named:
        # a blank line, so that lines keep their numbers
        text = "\n" + text[named.end() :]
    sign = named[1] if named and named[1] in _DELIMITERS else _delimiter(text, required)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=sign)
    rows, problems = [], []
    try:
        header = _named([name.strip() for name in _first_row(reader)], required)
        # one row or one problem per line
        for row in reader:
            if len(row) != len(header) and any(row):
                counts = f"{len(row)} fields instead of {len(header)}"
                wrong = f"{counts}; quote a field with a {_DELIMITERS[sign]}"
                problems.append(f"{path.name}:{reader.line_num}: {wrong}")
            elif any(field.strip() for field in row):
                rows.append((reader.line_num, [unescaped(field.strip()) for field in row]))
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: not valid CSV ({error})") from error
    if not rows and not problems:
        raise UserError(f"{path}: the table has no rows")
    if "labels" in required and "labels" not in header:
        header, rows = _from_columns(path, header, rows)
    _check_header(path, header, required)
    return [Row(line, dict(zip(header, row, strict=True))) for line, row in rows], problems


def _first_row(reader: Iterator[list[str]]) -> list[str]:
    return next((row for row in reader if any(name.strip() for name in row)), [])


def split_labels(text: str) -> tuple[str, ...]:
    """Split `cat; dog` into names, each once, in order; an empty name stays as ''."""
    return tuple(dict.fromkeys(map(cleaned, text.split(";")))) if text else ()


def _delimiter(text: str, required: tuple[str, ...]) -> str:
    """Return the sign that splits the header into the most columns that are asked for."""
    head = text.lstrip().partition("\n")[0]

    def found(sign: str) -> tuple[int, int]:
        names = _named([name.strip(' "') for name in head.split(sign)], required)
        return sum(name in names for name in required), len(names)

    return max(_DELIMITERS, key=found)


def _named(header: list[str], required: tuple[str, ...]) -> list[str]:
    """Replace headers that mean a column of ours by its name; a header of our own name wins."""
    names = list(header)
    for name in dict.fromkeys((*required, "split", "mask")):
        if name in names:
            continue
        keys = [folded(other) for other in header]
        for alias in (name, *_ALIASES.get(name, ())):
            if alias in keys:
                names[keys.index(alias)] = name
                break
    return names


def _from_columns(
    path: Path, header: Sequence[str], rows: list[tuple[int, list[str]]]
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Replace one column per class, of 0 and 1, by a column of labels; else change nothing."""
    own = [number for number, name in enumerate(header) if name in _ALIASES]
    classes = [number for number in range(len(header)) if number not in own]
    if not classes or not any(row[n].casefold() in _SHOWN for _, row in rows for n in classes):
        return list(header), rows
    for line, row in rows:
        for number in classes:
            if row[number].casefold() not in _SHOWN:
                raise UserError(
                    f"{path}:{line}: no column labels, and the column {header[number]!r} holds "
                    f"{row[number]!r}: a column of a class holds 0 or 1; remove other columns"
                )
    found = []
    for line, row in rows:
        shown = [header[n] for n in classes if _SHOWN[row[n].casefold()]]
        found.append((line, [*(row[n] for n in own), ";".join(shown) or NO_CLASS]))
    return [*(header[n] for n in own), "labels"], found


def _decoded(path: Path) -> str:
    try:
        data = regular(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if not data.strip():
        raise UserError(f"{path}: the table is empty")
    try:
        # spreadsheets write UTF-16 with a byte-order mark
        text = data.decode("utf-16" if data[:2] in _UTF_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        byte = f"byte 0x{data[error.start]:02x}"
        raise UserError(f"{path}:{line}: not UTF-8 ({byte}); save the table as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check_header(path: Path, header: list[str], required: tuple[str, ...]) -> None:
    missing = [name for name in required if name not in header]
    doubled = [name for name, count in Counter(header).items() if count > 1 and name in required]
    if missing:
        found = f"found: {', '.join(header)}; columns are separated by commas, semicolons or tabs"
        raise UserError(f"{path}:1: no column {', '.join(missing)} ({found})")
    if doubled:
        raise UserError(f"{path}:1: column {doubled[0]} occurs twice")
