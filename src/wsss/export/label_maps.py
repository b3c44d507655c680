"""Label maps to export, validated against the sizes of their images and the classes."""

import json
import os
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

import numpy as np

from wsss.data.taxonomy import NO_CLASS
from wsss.errors import UserError, first_of
from wsss.io.images import image_size
from wsss.io.index import FULL, Index
from wsss.io.labels import CLASSES, IGNORE, RECORD, LabelReader
from wsss.io.names import is_file, relative_files
from wsss.io.progress import log, track
from wsss.io.records import read_provenance
from wsss.ops.regions import without_strays

REMEDY = "give --index, or --images for masks of wsss predict"
"""Remedy for label maps whose image files are not known."""

_UNFINISHED = "if these are masks of a run, its workflow has not finished them: run it again"


@dataclass(frozen=True)
class ImageFile:
    """Image of a label map.

    Attributes:
        image_id: image id, the name of the label map.
        file: path of the image file relative to the common folder of all images, with `/`; the
            image id if the file is not known.
        path: image file; None = not known.
        white: white of its samples if they have 16 bits, see `wsss.io.images.read_image`.
    """

    image_id: str
    file: str
    path: Path | None
    white: int = FULL

    @property
    def stem(self) -> str:
        """`file` without suffix."""
        return self.file if self.path is None else str(PurePath(self.file).with_suffix(""))


class LabelMaps:
    """Label maps in order, with their image files and class names.

    Args:
        reader: the label maps.
        class_names: names of the foreground classes; class c has label c + 1.
        paths: image files by image id, for images of `reader`; None = not known.
        made: provenance lines of the records, without duplicates.
        whites: white of 16-bit samples by image id, where it is not 65535.

    Raises:
        UserError: an image id is not a valid file name on all systems.
    """

    def __init__(
        self,
        reader: LabelReader,
        class_names: Sequence[str],
        paths: Mapping[str, Path | None],
        made: Sequence[str] = (),
        whites: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._reader, self.class_names, self.made = reader, tuple(class_names), tuple(made)
        files = relative_files(paths)
        self.items = tuple(
            ImageFile(key, files[key], path, whites.get(key, FULL)) for key, path in paths.items()
        )
        self._least = 0.0
        for item in self.items:
            _check_name(item.image_id)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def digest(self) -> str:
        """Digest of the label maps in the records."""
        return self._reader.digest_of(item.image_id for item in self.items)

    def __iter__(self) -> Iterator[tuple[ImageFile, np.ndarray]]:
        """Yield every image with its label map (H, W) uint8.

        Raises:
            UserError: a label map is damaged, differs in size from its image, or holds a label
                without class.
        """
        for item in track(self.items, "export"):
            yield item, self._read(item)

    def select(self, ids: Sequence[str], where: str) -> "LabelMaps":
        """Select the images `ids`, in that order.

        Args:
            ids: image ids.
            where: origin of the ids, for the error.

        Raises:
            UserError: an image has no label map.
        """
        items = {item.image_id: item for item in self.items}
        _refuse([key for key in ids if key not in items], f"images of {where} without a label map")
        chosen = copy(self)
        chosen.items = tuple(items[key] for key in ids)
        return chosen

    def without_strays(self, least: float) -> "LabelMaps":
        """Return the label maps without regions of less than a share of their image.

        See `wsss.ops.regions.without_strays`.
        """
        cleaned = copy(self)
        cleaned._least = least
        return cleaned

    def _read(self, item: ImageFile) -> np.ndarray:
        labels = self._reader.read(item.image_id)
        worst = int(labels[labels != IGNORE].max(initial=0))
        if worst > len(self.class_names):
            raise UserError(
                f"image {item.image_id}: its mask holds label {worst}, but the labels end at "
                f"{len(self.class_names)}; give the classes that the masks were made with"
            )
        if item.path is not None and (size := image_size(item.path)) != labels.shape:
            mask, photo = (f"{width} x {height}" for height, width in (labels.shape, size))
            raise UserError(f"{item.path}: the image is {photo} pixels, its mask {mask}")
        return without_strays(labels, self._least) if self._least else labels


def open_label_maps(
    labels: Sequence[Path], index: Sequence[Path], photos: Mapping[str, Path] | None
) -> LabelMaps:
    """Open label maps for export.

    Args:
        labels: commit records, or folders that hold one.
        index: tables of the images of the label maps; empty = the classes are read from
            `classes.txt` beside each record, as written by `wsss predict`.
        photos: image files by image id, for label maps without index; None = not known.

    Raises:
        UserError: files are missing or damaged, or images and label maps do not match.
    """
    records = [_record(path) for path in labels]
    reader = LabelReader(records)
    if not reader.ids:
        raise UserError(f"{records[0]}: holds no label map")
    lines = {record: read_provenance(record) for record in records}
    made = list(dict.fromkeys(lines.values()))
    # images and classes of an index
    if index:
        table = Index.read(*index)
        wanted = {item.image_id: item.image for item in table.items}
        _refuse(set(reader.ids) - wanted.keys(), "label maps of no image of the index")
        _refuse(wanted.keys() - set(reader.ids), "images of the index without a label map")
        whites = {item.image_id: item.white for item in table.items}
        return LabelMaps(reader, table.class_names, wanted, made, whites)
    # classes of `wsss predict`, images of a folder
    names = {_class_names(record, line) for record, line in lines.items()}
    if len(names) > 1:
        raise UserError(f"{CLASSES} differs between the folders given; export them one by one")
    if photos is None:
        log.warning("the image files are not known: sizes are not compared; %s", REMEDY)
        return LabelMaps(reader, names.pop(), dict.fromkeys(reader.ids), made)
    _refuse(set(reader.ids) - photos.keys(), "label maps have no image in --images")
    white = max(_provenance(line).get("white", FULL) for line in made)
    whites = dict.fromkeys(reader.ids, white)
    return LabelMaps(reader, names.pop(), {key: photos[key] for key in reader.ids}, made, whites)


def index_of(labels: Sequence[Path]) -> list[Path]:
    """Find the tables of the images of masks in the folder of a run, `<run>/.../<split>`.

    Returns:
        The tables `index.<split>.tsv` of the data set, each once; empty unless all are there.
    """
    folders = [Path(os.path.abspath(p if p.is_dir() else p.parent)) for p in labels]  # noqa: PTH100 links are kept
    tables = [
        next((t for p in f.parents[:4] if is_file(t := p / f"index.{f.name}.tsv")), None)
        for f in folders
    ]
    found = [table for table in tables if table is not None]
    return list(dict.fromkeys(found)) if len(found) == len(tables) else []


def _record(path: Path) -> Path:
    """Return the commit record in a folder, or the record itself."""
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; {_UNFINISHED}")
    if not path.is_dir() or (path / RECORD).is_file():
        return path / RECORD if path.is_dir() else path
    inside = sorted(p.parent for pattern in ("*", "*/*") for p in path.glob(f"{pattern}/{RECORD}"))
    remedy = (
        f"name a folder of masks in it: {first_of([*map(str, inside)])}" if inside else _UNFINISHED
    )
    raise UserError(f"{path}: holds no {RECORD}; {remedy}")


def _refuse(ids: Collection[str], what: str) -> None:
    """Raise UserError if there are `ids`."""
    if ids:
        found = f"{len(ids)}, {first_of(sorted(ids))}"
        raise UserError(f"{what}: {found}; give the label maps of exactly these images")


def _class_names(record: Path, line: str) -> tuple[str, ...]:
    """Read the classes beside a commit record; its provenance by `wsss predict` has them, too."""
    path, recorded = record.with_name(CLASSES), _provenance(line).get("labels", [])
    try:
        names = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read; the names of the classes are needed: give --index, or write "
            f"this file, {NO_CLASS} in its first line, then a class per line"
        ) from error
    if recorded and names != recorded:
        raise UserError(
            f"{path}: not the classes that {record} was made with; predict the masks again, or "
            f"write them again, one per line: {', '.join(recorded)}"
        )
    if names[:1] != [NO_CLASS] or not all(names) or len(set(names)) < len(names) or not names[1:]:
        raise UserError(f"{path}: must hold {NO_CLASS}, then the classes, each once, one per line")
    return tuple(names[1:])


def _provenance(line: str) -> dict[str, Any]:
    """Parse the provenance of a record; empty if it is not of `wsss`."""
    try:
        made = json.loads(line)
    except ValueError:
        return {}
    return made if isinstance(made, dict) else {}


def _check_name(image_id: str) -> None:
    unsafe = any(c in "/\\" or unicodedata.category(c).startswith("C") for c in image_id)
    if unsafe or image_id != image_id.strip() or image_id.startswith(".") or not image_id:
        raise UserError(f"image {image_id!r}: cannot be a file name elsewhere; rename the image")
