"""LabelMe's polygons: a JSON file per image, with the path of the image in it.

Source: labelme, `label_file.py`. `labelme <images> --output <folder>` opens them.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wsss.data.corrections.labelme import IGNORED
from wsss.export.archive import write_files
from wsss.export.label_maps import REMEDY, ImageFile, LabelMaps
from wsss.io.labels import IGNORE
from wsss.io.progress import log
from wsss.ops.polygons import trace

_VERSION = "5.0.0"
"""Version of LabelMe that introduced this form of its files."""


def write(label_maps: LabelMaps, out: Path, tolerance: float = 0.0) -> None:
    """Write `<image>.json` into a folder, or a zip or tar by the suffix of `out`.

    Args:
        label_maps: the label maps; ignored pixels get the label that LabelMe ignores.
        out: folder or archive.
        tolerance: largest distance, in pixels, of points that are left out, see `trace`.

    Raises:
        UserError: a label map is damaged, or `out` cannot be written.
    """
    if label_maps.items[0].path is None:
        log.warning("the files name no image that LabelMe finds; %s", REMEDY)
    write_files(out, _members(label_maps, out, tolerance))


def _members(label_maps: LabelMaps, out: Path, tolerance: float) -> Iterator[tuple[str, bytes]]:
    names = {IGNORE: IGNORED} | dict(enumerate(label_maps.class_names, start=1))
    for item, labels in label_maps:
        shapes = [
            _shape(names[label], points)
            for label in np.unique(labels[labels > 0]).tolist()
            for points in trace(labels == label, tolerance)
        ]
        document = {
            "version": _VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": _place(item, out),
            "imageData": None,
            "imageHeight": labels.shape[0],
            "imageWidth": labels.shape[1],
        }
        yield f"{item.stem}.json", (json.dumps(document, ensure_ascii=False) + "\n").encode()


def _shape(name: str, points: np.ndarray) -> dict[str, object]:
    return {
        "label": name,
        "points": points.astype(float).tolist(),
        "group_id": None,
        "shape_type": "polygon",
        "flags": {},
    }


def _place(item: ImageFile, out: Path) -> str:
    """Return the path of an image relative to the folder of its file."""
    if item.path is None:
        return item.file
    folder = Path(os.path.abspath(out), item.stem).parent  # noqa: PTH100 links are kept
    return Path(os.path.relpath(item.path, folder)).as_posix()
