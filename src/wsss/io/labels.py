"""Label maps as palette PNGs, and shards of them with a commit record."""

import hashlib
import io
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image

from wsss.errors import UserError
from wsss.io.atomic import unwritable, write_bytes, write_text
from wsss.io.checksummed import seal, unseal
from wsss.io.images import EXACT
from wsss.io.index import Masks
from wsss.io.names import is_file

IGNORE = 255
"""Pixels with this label are neither trained on nor evaluated."""

RECORD = "labels.tsv"
"""File name of a shard's commit record."""

CLASSES = "classes.txt"
"""File name of the labels beside masks of `wsss predict`, one per line; line n, counted from 0, is
label n."""

_COLUMNS = "image_id\tsha256"


@cache
def palette() -> np.ndarray:
    """Return the (256, 3) uint8 colours of PASCAL VOC: bit-interleaved ids, 255 = (224, 224, 192).

    Source: VOC development kit, `VOClabelcolormap`.
    """
    ids = np.arange(256, dtype=np.uint8)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            if 3 * bit + channel < 8:
                colours[:, channel] |= ((ids >> (3 * bit + channel)) & 1) << (7 - bit)
    colours[IGNORE] = (224, 224, 192)
    return colours


def encode_labels(labels: np.ndarray) -> bytes:
    """Return `labels` (H, W) uint8 as the bytes of a PNG with the VOC palette."""
    image = Image.fromarray(np.ascontiguousarray(labels, np.uint8))
    image.putpalette(palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Write `labels` (H, W) uint8 atomically as a PNG with the VOC palette."""
    write_bytes(path, encode_labels(labels))


def read_labels(path: Path) -> np.ndarray:
    """Read the (H, W) uint8 ids of a palette or 8-bit grey PNG.

    Raises:
        UserError: the file is missing, damaged, or not an index image.
    """
    return _decoded(path, path)


def mask_problem(labels: np.ndarray, size: tuple[int, int], num_classes: int) -> str:
    """Mismatch between a label map (H, W) uint8 and its image's (H, W) and classes; "" = none."""
    if labels.shape != size:
        shown, wanted = (f"{w} x {h}" for h, w in (labels.shape, size))
        return f"the mask is {shown} pixels, its image {wanted}"
    ids = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[:IGNORE])
    if ids.max(initial=0) > num_classes:
        return f"holds id {ids.max()}, but there are {num_classes} classes"
    return ""


def read_mask(masks: Masks, image_id: str) -> np.ndarray:
    """Read the (H, W) uint8 ids of the mask of an image, as `read_labels` does.

    Raises:
        UserError: as in `read_labels`, or the file changed since the table of masks was made.
    """
    return _decoded(masks.paths[image_id], io.BytesIO(masks.content(image_id)))


def _decoded(path: Path, content: Path | io.BytesIO) -> np.ndarray:
    if not is_file(path):
        raise UserError(f"{path}: no such file")
    try:
        return _indices(Image.open(content, formats=EXACT), path)
    except Image.UnidentifiedImageError as error:
        raise UserError(f"{path}: cannot be read as a label image; save it as PNG") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be read as a label image ({error})") from error


def _indices(image: Image.Image, path: Path) -> np.ndarray:
    if image.mode not in ("P", "L"):
        raise UserError(
            f"{path}: a label image must be a palette or 8-bit grey PNG, not mode {image.mode}"
        )
    return np.array(image, np.uint8)


class LabelWriter:
    """Writes the label maps of one shard beside its commit record, the record last.

    Args:
        record: path of the record (tsv: image_id, sha256 of the PNG); PNGs go to its folder.
        provenance: what made them, one line; the first line of the record.
    """

    def __init__(self, record: Path, provenance: str = "") -> None:
        self.record, self.provenance = record, provenance
        self._rows: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        try:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            for old in (self.record, *self.record.parent.glob("*.png")):
                old.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.record, error) from error
        return self

    def put(self, image_id: str, labels: np.ndarray) -> None:
        """Write `labels` (H, W) uint8 as `image_id`.png."""
        data, path = encode_labels(labels), self.record.parent / f"{image_id}.png"
        try:
            # not synced one by one: the record's digest reveals a file that did not reach the disk
            path.write_bytes(data)
        except OSError as error:
            raise unwritable(path, error) from error
        self._rows.append((image_id, hashlib.sha256(data).hexdigest()))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            write_text(self.record, seal(record_text(self.provenance, self._rows)))


def record_text(provenance: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return a commit record of rows (image id, SHA-256 of its PNG), which is to be sealed."""
    return "\n".join([f"#{provenance}", _COLUMNS, *map("\t".join, rows), ""])


def is_record(path: Path) -> bool:
    """Tell whether a file is a commit record of label maps, or looks like one."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().startswith("#") and file.readline().rstrip("\n") == _COLUMNS
    except (OSError, UnicodeDecodeError):
        return False


class LabelReader:
    """Random access to label maps of committed shards.

    Args:
        records: the shards' commit records.

    Raises:
        UserError: a record is missing or damaged, or one image stands in two shards.
    """

    def __init__(self, records: Sequence[Path]) -> None:
        self._files: dict[str, tuple[Path, str]] = {}
        for record in records:
            for image_id, digest in _read_record(record):
                if image_id in self._files:
                    raise UserError(f"{record}: image {image_id} stands in another shard too")
                self._files[image_id] = (record.parent / f"{image_id}.png", digest)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the images that have a label map, in the order of the records."""
        return tuple(self._files)

    def read(self, image_id: str) -> np.ndarray:
        """Return the (H, W) uint8 label map of an image, checked against its record.

        Raises:
            UserError: the image is not in the shards, or its file is missing or was changed.
        """
        if image_id not in self._files:
            raise UserError(f"image {image_id} has no label map in the shards given")
        path, digest = self._files[image_id]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); {_REMEDY}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise UserError(f"{path}: does not match its record {RECORD}; {_REMEDY}")
        return _indices(Image.open(io.BytesIO(data), formats=("PNG",)), path)


_REMEDY = f"delete the shard's {RECORD} and run again to rebuild it"


def _read_record(record: Path) -> list[tuple[str, str]]:
    try:
        _, columns, *lines, _ = unseal(record.read_bytes().decode()).split("\n")
    except OSError as error:
        raise UserError(f"{record}: cannot be read ({error.strerror}); {_REMEDY}") from error
    except ValueError as error:
        raise UserError(f"{record}: not a whole commit record ({error}); {_REMEDY}") from error
    rows = [line.split("\t") for line in lines]
    if columns != _COLUMNS or any(len(row) != 2 for row in rows):
        raise UserError(f"{record}: not a commit record; {_REMEDY}")
    return [(image_id, digest) for image_id, digest in rows]


def label_ids(classes: np.ndarray) -> np.ndarray:
    """Return the labels (K + 1,) uint8 of maps of `classes` (K,) behind that of the background.

    Raises:
        ValueError: a class is none that 8-bit labels can hold.
    """
    ids = np.append(0, np.asarray(classes) + 1)
    if ids.min() < 0 or ids.max() >= IGNORE:
        raise ValueError(f"classes {classes} do not fit into 8-bit labels")
    return ids.astype(np.uint8)
