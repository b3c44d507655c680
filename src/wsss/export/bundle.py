"""Export masks with a table of contents and a model card."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsss.data.taxonomy import NO_CLASS
from wsss.errors import UserError
from wsss.export.archive import write_files
from wsss.export.card import card
from wsss.export.label_maps import ImageFile, LabelMaps
from wsss.io.cells import escaped
from wsss.io.labels import IGNORE, encode_labels, palette
from wsss.metrics.result import Evaluation

_COLUMNS = ["image_id", "image", "mask", "height", "width", "classes", "shares", "ignored"]


def write(
    label_maps: LabelMaps,
    out: Path,
    title: str,
    model: Mapping[str, Any] | None = None,
    evaluation: Path | None = None,
    licence: str | None = None,
) -> None:
    """Write README.md (the card), index.csv, classes.csv and masks/ into a folder, zip or tar.

    Shares are of all pixels of an image, ignored ones included.

    Args:
        label_maps: the label maps.
        out: folder or archive to write; `.zip`, `.tar`, `.tar.gz`, `.tgz` make archives.
        title: name of the data set.
        model: description of the network that predicted the masks.
        evaluation: eval file of the masks.
        licence: terms of the masks.

    Raises:
        UserError: a label map or the eval file is damaged, the eval file is of other masks, or
            `out` cannot be written.
    """
    measured = None if evaluation is None else _evaluation(evaluation, label_maps)

    def about(classes: Sequence[tuple[str, int, float]]) -> str:
        return card(title, len(label_maps), classes, label_maps.made, model, measured, licence)

    write_files(out, _members(label_maps, about))


def _evaluation(path: Path, label_maps: LabelMaps) -> Evaluation:
    """Read the evaluation of label maps.

    Raises:
        UserError: the eval file is damaged, or is that of other masks.
    """
    found = Evaluation.read(path)
    if found.predictions != label_maps.digest:
        raise UserError(
            f"{path}: evaluation of {found.product} on {found.images_predicted} {found.split} "
            f"images, not of the {len(label_maps)} masks exported; name the eval file of these "
            "masks, or leave out --evaluation"
        )
    return found


def _members(
    label_maps: LabelMaps, about: Callable[[Sequence[tuple[str, int, float]]], str]
) -> Iterator[tuple[str, bytes]]:
    names = (NO_CLASS, *label_maps.class_names)
    rows: list[list[object]] = []
    counts, images = np.zeros(256, np.int64), np.zeros(256, np.int64)
    # masks and their rows; labels (H, W) -> pixels (256,)
    for item, labels in label_maps:
        pixels = np.bincount(labels.ravel(), minlength=256)
        counts, images = counts + pixels, images + (pixels > 0)
        rows.append(_row(item, labels.shape, pixels, names))
        yield f"masks/{item.image_id}.png", encode_labels(labels)
    # tables
    yield "index.csv", _csv([_COLUMNS, *rows])
    colours = ["#" + bytes(colour).hex() for colour in palette().tolist()]
    table = [[label, name, colours[label]] for label, name in enumerate(names)]
    yield "classes.csv", _csv([["label", "class", "colour"], *table])
    # card
    shares = (counts / counts.sum()).tolist()
    classes = [(name, int(images[label]), shares[label]) for label, name in enumerate(names)]
    yield "README.md", about(classes).encode()


def _row(
    item: ImageFile, size: tuple[int, int], pixels: np.ndarray, names: Sequence[str]
) -> list[object]:
    present = [label for label in np.flatnonzero(pixels).tolist() if 0 < label < IGNORE]
    shares = pixels / pixels.sum()
    return [
        item.image_id,
        item.file,
        f"masks/{item.image_id}.png",
        *size,
        ";".join(names[label] for label in present),
        ";".join(f"{shares[label]:.6f}" for label in present),
        f"{shares[IGNORE]:.6f}",
    ]


def _csv(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([map(escaped, row) for row in rows])
    return text.getvalue().encode()
