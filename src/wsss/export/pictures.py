"""The label maps to export, each checked against its photograph and the classes."""

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from wsss.data.taxonomy import NO_CLASS
from wsss.errors import UserError
from wsss.io.images import image_size
from wsss.io.index import Index
from wsss.io.labels import CLASSES, IGNORE, RECORD, LabelReader
from wsss.io.progress import log, track

NAMING = "give --index, or --images for masks of wsss predict"


@dataclass(frozen=True)
class Picture:
    """One photograph and what to call it.

    Attributes:
        image_id: the name of its label map.
        file: the photograph below the folder common to all, with `/`; the id if it is not known.
        path: the photograph, None if it is not known.
    """

    image_id: str
    file: str
    path: Path | None

    @property
    def stem(self) -> str:
        """`file` without its ending."""
        return self.file if self.path is None else str(PurePath(self.file).with_suffix(""))


class Pictures:
    """Label maps in order, with the names of photographs and classes.

    Args:
        reader: the label maps.
        class_names: the foreground classes; class c has label c + 1.
        paths: photograph by image id, None = not known; of images of `reader`.
        made: what the records say about their making, each line once.

    Raises:
        UserError: an id cannot be a file name everywhere.
    """

    def __init__(
        self,
        reader: LabelReader,
        class_names: Sequence[str],
        paths: Mapping[str, Path | None],
        made: Sequence[str] = (),
    ) -> None:
        self._reader, self.class_names, self.made = reader, tuple(class_names), tuple(made)
        files = _relative(paths)
        self.items = tuple(Picture(key, files[key], path) for key, path in paths.items())
        for item in self.items:
            _check_name(item.image_id)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[tuple[Picture, np.ndarray]]:
        """Yield every picture with its label map (H, W) uint8.

        Raises:
            UserError: a label map is damaged, not as large as its photograph, or holds a label
                beyond the classes.
        """
        for item in track(self.items, "export"):
            yield item, self._read(item)

    def select(self, ids: Sequence[str], where: str) -> "Pictures":
        """Return the pictures `ids`, in that order.

        Raises:
            UserError: some have no label map; `where` says who wants them.
        """
        paths = {item.image_id: item.path for item in self.items}
        _complain([key for key in ids if key not in paths], f"images of {where} have no label map")
        return Pictures(self._reader, self.class_names, {key: paths[key] for key in ids}, self.made)

    def _read(self, item: Picture) -> np.ndarray:
        labels = self._reader.read(item.image_id)
        worst = int(labels[labels != IGNORE].max(initial=0))
        if worst > len(self.class_names):
            raise UserError(
                f"image {item.image_id}: its mask holds label {worst}, but there are "
                f"{len(self.class_names)} classes; give the classes that the masks were made with"
            )
        if item.path is not None and (size := image_size(item.path)) != labels.shape:
            mask, photo = (f"{width} x {height}" for height, width in (labels.shape, size))
            raise UserError(f"{item.path}: the image is {photo} pixels, its mask {mask}")
        return labels


def open_pictures(
    labels: Sequence[Path], index: Sequence[Path], photos: Mapping[str, Path] | None
) -> Pictures:
    """Open label maps for export.

    Args:
        labels: commit records of shards, or folders that hold one.
        index: tables of the images that the label maps belong to; empty = the classes stand in
            `classes.txt` beside each record, as `wsss predict` leaves it.
        photos: photograph by image id, for label maps without index; None = not known.

    Raises:
        UserError: files are missing or damaged, or images and label maps are not the same.
    """
    records = [path / RECORD if path.is_dir() else path for path in labels]
    reader = LabelReader(records)
    if not reader.ids:
        raise UserError(f"{records[0]}: holds no label map")
    made = dict.fromkeys(_first_line(record) for record in records)
    if index:
        table = Index.read(*index)
        wanted = {item.image_id: item.image for item in table.items}
        _complain(reader.ids - wanted.keys(), "label maps belong to no image of the index")
        _complain(wanted.keys() - set(reader.ids), "images of the index have no label map")
        return Pictures(reader, table.class_names, wanted, made)
    names = {_class_names(record.with_name(CLASSES)) for record in records}
    if len(names) > 1:
        raise UserError(f"{CLASSES} differs between the folders given; export them one by one")
    if photos is None:
        log.warning("the photographs are not known: sizes are not compared; %s", NAMING)
        return Pictures(reader, names.pop(), dict.fromkeys(reader.ids), made)
    _complain(set(reader.ids) - photos.keys(), "label maps have no photograph in --images")
    return Pictures(reader, names.pop(), {key: photos[key] for key in reader.ids}, made)


def _complain(ids: Sequence[str] | set[str], what: str) -> None:
    if ids:
        names = ", ".join(sorted(ids)[:3]) + ", ..." * (len(ids) > 3)
        raise UserError(f"{len(ids)} {what}: {names}; give all shards of exactly these images")


def _first_line(record: Path) -> str:
    with record.open(encoding="utf-8") as file:
        return file.readline().rstrip("\n").removeprefix("#")


def _class_names(path: Path) -> tuple[str, ...]:
    try:
        names = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read; the names of the classes are needed: give --index, or write "
            f"this file, {NO_CLASS} in its first line, then a class per line"
        ) from error
    if names[:1] != [NO_CLASS] or not all(names) or len(set(names)) < len(names) or not names[1:]:
        raise UserError(f"{path}: must hold {NO_CLASS}, then the classes, each once, one per line")
    return tuple(names[1:])


def _relative(paths: Mapping[str, Path | None]) -> dict[str, str]:
    """Return the photographs below the folder common to all, by id; ids for unknown ones."""
    whole = {key: Path(os.path.abspath(path)) for key, path in paths.items() if path is not None}  # noqa: PTH100
    if not whole:
        return {key: key for key in paths}
    common = os.path.commonpath([path.parent for path in whole.values()])
    return {key: path.relative_to(common).as_posix() for key, path in whole.items()}


def _check_name(image_id: str) -> None:
    odd = any(c in "/\\" or unicodedata.category(c).startswith("C") for c in image_id)
    if odd or image_id != image_id.strip() or image_id.startswith(".") or not image_id:
        raise UserError(f"image {image_id!r}: cannot be a file name elsewhere; rename the image")
