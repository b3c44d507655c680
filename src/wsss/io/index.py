"""Tables of the data set: `Index` of images and image labels, `Masks` of ground-truth masks.

Training reads the `Index` alone. `Masks` is a file of its own, so that only evaluation reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.checksummed import CHECKSUM_PREFIX, add_checksum, verify_checksum
from wsss.io.names import is_file, name_problem
from wsss.io.provenance import bytes_digest
from wsss.products import VAL

_ITEM_COLUMNS = ["image_id", "split", "image", "digest", "classes", "white"]
FULL = 65535
"""White of 16-bit samples that use their whole range."""

_MASK_COLUMNS = ["image_id", "mask", "digest"]


@dataclass(frozen=True)
class Item:
    """One image of the dataset.

    Attributes:
        image_id: unique id, valid as a file name.
        split: `train` or `val`.
        image: the image file.
        digest: first 16 hexadecimal digits of the SHA-256 of that file.
        classes: 0-based ids of the classes in the image, ascending; empty = background only.
        white: white of the samples if they have 16 bits, see `wsss.io.images.read_image`.
    """

    image_id: str
    split: str
    image: Path
    digest: str
    classes: tuple[int, ...]
    white: int = FULL

    def content(self) -> bytes:
        """Read the bytes of the image file and verify its digest.

        Raises:
            UserError: the file is missing, or has changed since the index was made.
        """
        return _read_verified(self.image, self.digest, "the index of the images")


@dataclass(frozen=True)
class Index:
    """Images of a data set, in order.

    Attributes:
        class_names: names of the foreground classes; the position is the class id.
        items: the images.
    """

    class_names: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def num_classes(self) -> int:
        """Number of foreground classes C."""
        return len(self.class_names)

    @cached_property
    def by_id(self) -> dict[str, Item]:
        """Items by `image_id`."""
        return {item.image_id: item for item in self.items}

    def split(self, name: str) -> tuple[Item, ...]:
        """Items of one split, in order; the held-out one may be empty.

        Raises:
            UserError: the split has no image.
        """
        items = tuple(item for item in self.items if item.split == name)
        if not items and name != VAL:
            known = ", ".join(sorted({item.split for item in self.items})) or "none"
            raise UserError(f"split {name!r} has no image; splits in the index: {known}")
        return items

    def write(self, path: Path) -> None:
        """Write the table (tab-separated text), whole or not at all."""
        rows = [
            [
                *(i.image_id, i.split, str(i.image), i.digest),
                *(";".join(map(self._name, i.classes)), str(i.white)),
            ]
            for i in self.items
        ]
        write_text(path, _text([["#classes", *self.class_names], _ITEM_COLUMNS, *rows]))

    @classmethod
    def read(cls, *paths: Path) -> Self:
        """Read and concatenate tables written by `write`, such as those of several splits.

        Raises:
            UserError: naming file and line, if a table is missing or damaged, or if the classes of
                two tables differ.
        """
        tables = [cls._read(path) for path in paths]
        for table, path in zip(tables, paths, strict=True):
            if table.class_names != tables[0].class_names:
                raise UserError(
                    f"{path}: other classes than in {paths[0]}; delete both and run again"
                )
        return cls(tables[0].class_names, tuple(item for t in tables for item in t.items))

    @classmethod
    def _read(cls, path: Path) -> Self:
        names, rows = _table(path, "#classes", _ITEM_COLUMNS)
        ids = {name: number for number, name in enumerate(names)}
        items = []
        for number, (image_id, split, image, digest, labels, white) in enumerate(rows, start=3):
            if wrong := name_problem(image_id):
                raise UserError(f"{path}:{number}: {wrong}")
            unknown = [label for label in labels.split(";") if label and label not in ids]
            if unknown:
                raise UserError(f"{path}:{number}: class {unknown[0]!r} is not in line 1")
            if not white.isdecimal():
                raise UserError(f"{path}:{number}: {white!r} is no white of 16-bit samples")
            classes = tuple(ids[label] for label in labels.split(";") if label)
            items.append(Item(image_id, split, Path(image), digest, classes, int(white)))
        _verify(path)
        return cls(tuple(names), tuple(items))

    def _name(self, class_id: int) -> str:
        return self.class_names[class_id]


@dataclass(frozen=True)
class Masks:
    """Ground-truth masks, for evaluation only; may be empty.

    Attributes:
        source: origin of the masks, as shown in the report.
        paths: mask file by image id.
        digests: first 16 hexadecimal digits of the SHA-256 of each file, by image id.
    """

    source: str
    paths: dict[str, Path] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def content(self, image_id: str) -> bytes:
        """Read the bytes of the mask file of an image and verify its digest.

        Raises:
            UserError: the file is missing, or has changed since the table was made.
        """
        return _read_verified(self.paths[image_id], self.digests[image_id], "the table of masks")

    def write(self, path: Path) -> None:
        """Write the table (tab-separated text), whole or not at all."""
        rows = [[key, str(mask), self.digests[key]] for key, mask in self.paths.items()]
        write_text(path, _text([["#source", self.source], _MASK_COLUMNS, *rows]))

    @classmethod
    def read(cls, *paths: Path) -> Self:
        """Read and concatenate tables written by `write`, such as those of several splits.

        Raises:
            UserError: naming file and line, if a table is missing or damaged.
        """
        tables = [_table(path, "#source", _MASK_COLUMNS) for path in paths]
        for path in paths:
            _verify(path)
        rows = [row for _, rows in tables for row in rows]
        masks = {image_id: Path(mask) for image_id, mask, _ in rows}
        digests = {image_id: digest for image_id, _, digest in rows}
        sources = dict.fromkeys(" ".join(source) for source, _ in tables)
        return cls(", ".join(filter(None, sources)), masks, digests)


def _read_verified(path: Path, digest: str, table: str) -> bytes:
    """Read a file and compare its digest with the one in `table`."""
    if not is_file(path):
        raise UserError(f"{path}: no such file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if bytes_digest(data) != digest:
        raise UserError(
            f"{path}: changed since {table} was made; run the same command again, but if this file "
            "is one of the results, delete labels.csv in the folder above it first"
        )
    return data


def _text(rows: Sequence[Sequence[str]]) -> str:
    """Format a table as tab-separated lines with a checksum line."""
    return add_checksum("".join("\t".join(row) + "\n" for row in rows))


def _verify(path: Path) -> None:
    """Verify the checksum of a table, after its lines were parsed for more specific errors."""
    try:
        verify_checksum(path.read_bytes().decode())
    except ValueError as error:
        raise UserError(f"{path}: {error}; delete it and run again") from error


def _table(path: Path, tag: str, columns: list[str]) -> tuple[list[str], list[list[str]]]:
    """Parse a table: the values of its first line, and its rows, checked for their length."""
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    body, last, _ = text.rpartition(CHECKSUM_PREFIX)
    rows = [line.split("\t") for line in (body if last else text).split("\n") if line]
    if len(rows) < 2 or rows[0][0] != tag or rows[1] != columns:
        raise UserError(
            f"{path}: not a table that starts with {tag} and {columns[0]}; delete it and run again"
        )
    for number, row in enumerate(rows[2:], start=3):
        if len(row) != len(columns):
            raise UserError(f"{path}:{number}: {len(row)} fields instead of {len(columns)}")
    return rows[0][1:], rows[2:]
