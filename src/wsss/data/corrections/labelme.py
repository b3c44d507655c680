"""Polygons of LabelMe: a JSON file per image, beside it or in a folder of its own.

Later shapes are in front. `_background_` is the background and `__ignore__` is ignored, as in
LabelMe's conversion to VOC. Source: labelme, `utils/shape.py` and `examples/semantic_segmentation`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from wsss.data.corrections.images import Images, class_ids
from wsss.data.sources.base import DrawMask
from wsss.errors import UserError, first_of
from wsss.files import regular
from wsss.io.images import image_size
from wsss.io.labels import IGNORE
from wsss.names import cleaned, is_background
from wsss.ops.polygons import fill

IGNORED = "__ignore__"
"""Label of pixels that neither training nor evaluation uses."""


def find(
    folder: Path, files: Sequence[Path], images: Images, class_names: Sequence[str]
) -> Iterator[tuple[str, DrawMask]]:
    """Yield the ids of images and the functions that draw their label maps.

    Args:
        folder: folder that the names of the files are relative to.
        files: the files.
        images: images that may be corrected.
        class_names: the classes in the order of their ids.

    Raises:
        UserError: a file fits no image.
    """
    for file in files:
        item = images.of(file, folder)
        yield item.image_id, partial(draw, file, item.image, class_names)


def draw(path: Path, image: Path, class_names: Sequence[str]) -> np.ndarray:
    """Draw the label map (H, W) uint8 of a file.

    Raises:
        UserError: it is damaged, of another size, or has shapes of other kinds or classes.
    """
    size, document = image_size(image), read(path)
    ids = class_ids(class_names)
    labels = np.zeros(size, np.uint8)
    try:
        own = document.get("imageHeight") or size[0], document.get("imageWidth") or size[1]
        if own != size:
            raise UserError(f"{path}: of an image of {own} (height, width), {image} has {size}")
        for number, shape in enumerate(document["shapes"], start=1):
            name = cleaned(shape["label"])
            if name not in ids and not is_background(name) and name != IGNORED:
                raise UserError(f"{path}: {name!r} is no class; they are {first_of(class_names)}")
            label = IGNORE if name == IGNORED else ids.get(name, 0)
            labels[fill(_corners(shape, f"{path}: shape {number}"), size)] = label
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: damaged ({error})") from error
    return labels


def _corners(shape: Mapping[str, Any], where: str) -> np.ndarray:
    """Return the points (n, 2) of a polygon or rectangle.

    Raises:
        UserError: the shape is of another kind.
    """
    kind = shape.get("shape_type", "polygon")
    points = np.array(shape["points"], float)
    if kind == "rectangle" and points.shape == (2, 2):
        (left, top), (right, bottom) = points
        return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    if kind != "polygon":
        raise UserError(f"{where} is a {kind}; draw it as a polygon")
    return points


def read(path: Path) -> Mapping[str, Any]:
    """Return the document of a JSON file; an empty one if it holds a list or the like.

    Raises:
        UserError: it cannot be read.
    """
    try:
        document = json.loads(regular(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from error
    return document if isinstance(document, Mapping) else {}
