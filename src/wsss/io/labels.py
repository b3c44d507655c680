"""Label maps as palette PNGs, listed in a commit record."""

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
from wsss.io.atomic import unwritable, write_bytes
from wsss.io.images import LABEL_FORMATS, decoding
from wsss.io.index import Masks
from wsss.io.layouts import grey_bits, misread_labels
from wsss.io.provenance import text_digest
from wsss.io.records import LABEL_COLUMNS, read_record, split_folder, write_record

IGNORE = 255
"""Label of pixels that neither training nor evaluation uses."""

RECORD = "labels.tsv"
"""File name of the commit record of label maps."""

CLASSES = "classes.txt"
"""File name of the label names beside the masks of `wsss predict`; line n (from 0) is label n."""

OVERLAYS = "overlays"
"""Folder beside these masks with the images on which they are painted."""


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
    """Encode `labels` (H, W) uint8 as a PNG with the VOC palette."""
    image = Image.fromarray(np.ascontiguousarray(labels, np.uint8))
    image.putpalette(palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Write `labels` (H, W) uint8 atomically as a PNG with the VOC palette."""
    write_bytes(path, encode_labels(labels))


def read_labels(path: Path) -> np.ndarray:
    """Read the (H, W) uint8 labels of a palette or 8-bit grey image.

    Raises:
        UserError: the file is missing, damaged, or stores no labels (RGB, JPEG).
    """
    return _decoded(path, path)


def mask_problem(labels: np.ndarray, size: tuple[int, int], num_classes: int) -> str:
    """Mismatch between a label map (H, W) uint8 and its image's (H, W) and classes; "" = none."""
    if labels.shape != size:
        shown, wanted = (f"{w} x {h}" for h, w in (labels.shape, size))
        return f"the mask is {shown} pixels, its image {wanted}"
    ids = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[:IGNORE])
    if ids.max(initial=0) > num_classes:
        known = "is 1 class" if num_classes == 1 else f"are {num_classes} classes"
        return f"holds id {ids.max()}, but there {known}"
    return ""


def read_mask(masks: Masks, image_id: str) -> np.ndarray:
    """Read the ground-truth mask of an image, (H, W) uint8, as `read_labels` does.

    Raises:
        UserError: as in `read_labels`, or the file changed since the table of masks was made.
    """
    return _decoded(masks.paths[image_id], io.BytesIO(masks.content(image_id)))


def _decoded(path: Path, content: Path | io.BytesIO) -> np.ndarray:
    failure = "cannot be read as a label image"
    unknown = f"{failure}; save it as PNG"
    with decoding(path, content, LABEL_FORMATS, failure, unknown) as image:
        return _indices(image, path)


def _indices(image: Image.Image, path: Path) -> np.ndarray:
    if image.mode not in ("P", "L"):
        raise UserError(
            f"{path}: a label image must be a palette or 8-bit grey PNG, not mode {image.mode}; "
            "masks in colours need their labelmap.txt, see dataset.masks"
        )
    # Pillow scales grey samples of less than 8 bits to 0..255
    step = 255 // ((1 << grey_bits(image)) - 1) if image.mode == "L" else 1
    if reason := misread_labels(image):
        raise UserError(f"{path}: not usable as labels: {reason}")
    return np.array(image, np.uint8) // np.uint8(step)


class LabelWriter:
    """Writer of label maps; their commit record is written last.

    Args:
        record: path of the record of a split or of a part (see `wsss.io.records`); the PNGs go
            to the folder of the split.
        provenance: how the maps were made, one line; the first line of the record.
    """

    def __init__(self, record: Path, provenance: str = "") -> None:
        self.record, self.provenance = record, provenance
        self._folder = split_folder(record)
        self._rows: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        whole = self.record.parent == self._folder
        try:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            # records go first, that of the split, too: they never list files of another time
            for path in (
                self.record,
                self._folder / RECORD,
                *(self._folder.glob("*.png") if whole else ()),
            ):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.record, error) from error
        return self

    def put(self, image_id: str, labels: np.ndarray) -> None:
        """Write `labels` (H, W) uint8 as `image_id`.png."""
        data, path = encode_labels(labels), self._folder / f"{image_id}.png"
        try:
            # no fsync per file: the record's SHA-256 detects files that did not reach the disk
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
            write_record(self.record, self.provenance, LABEL_COLUMNS, self._rows)


def is_record(path: Path) -> bool:
    """True if the first two lines of a file are those of a commit record of label maps."""
    columns = "\t".join(LABEL_COLUMNS)
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().startswith("#") and file.readline().rstrip("\n") == columns
    except (OSError, UnicodeDecodeError):
        return False


class LabelReader:
    """Random access to label maps that have a commit record.

    Args:
        records: commit records.

    Raises:
        UserError: a record is missing or damaged, or two list the same image.
    """

    def __init__(self, records: Sequence[Path]) -> None:
        self._files: dict[str, tuple[Path, str]] = {}
        for record in records:
            for image_id, digest in read_record(record, LABEL_COLUMNS):
                if image_id in self._files:
                    raise UserError(f"{record}: image {image_id} is also in another record")
                self._files[image_id] = (split_folder(record) / f"{image_id}.png", digest)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the images that have a label map, in the order of the records."""
        return tuple(self._files)

    @property
    def digest(self) -> str:
        """Digest of all label maps, whatever their order and records."""
        return self.digest_of(self._files)

    def digest_of(self, ids: Iterable[str]) -> str:
        """Return the digest of the label maps of some images, whatever their order and records."""
        return text_digest("\n".join(sorted(f"{key} {self._files[key][1]}" for key in ids)))

    def read(self, image_id: str) -> np.ndarray:
        """Read the (H, W) uint8 label map of an image and verify its SHA-256.

        Raises:
            UserError: the image is not in the records, or its file is missing or was changed.
        """
        if image_id not in self._files:
            raise UserError(f"image {image_id} has no label map in the records given")
        path, digest = self._files[image_id]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); {_REMEDY}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise UserError(f"{path}: does not match its record {RECORD}; {_REMEDY}")
        return _decoded(path, io.BytesIO(data))


_REMEDY = f"delete {RECORD} beside it and run again to rebuild it"


def label_ids(classes: np.ndarray) -> np.ndarray:
    """Return the labels (K + 1,) uint8 of the background and of `classes` (K,): 0, then class + 1.

    Raises:
        ValueError: a class does not fit into 8-bit labels.
    """
    ids = np.append(0, np.asarray(classes) + 1)
    if ids.min() < 0 or ids.max() >= IGNORE:
        raise ValueError(f"classes {classes} do not fit into 8-bit labels")
    return ids.astype(np.uint8)
