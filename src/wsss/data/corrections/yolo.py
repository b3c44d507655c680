"""Polygons of YOLO: `labels/<image>.txt` with a line per region, and the classes in a YAML file.

A line holds the number of the class from 0, then x and y of every point as shares of width and
height. Smaller regions are in front, as Ultralytics takes them (`data/utils.py`,
`polygons2masks_overlap`). An empty file is an image of background alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from wsss.data.corrections.images import Images, class_ids
from wsss.data.sources.base import DrawMask
from wsss.errors import UserError, first_of
from wsss.files import regular
from wsss.io.images import image_size
from wsss.names import cleaned
from wsss.ops.polygons import fill


def tables(files: Sequence[Path]) -> list[Path]:
    """Return those YAML files that name classes.

    Raises:
        UserError: one cannot be read.
    """
    return [path for path in files if _document(path).get("names")]


def find(
    files: Sequence[Path], images: Images, class_names: Sequence[str]
) -> Iterator[tuple[str, DrawMask]]:
    """Yield the ids of images and the functions that draw their label maps.

    Args:
        files: the YAML files.
        images: images that may be corrected.
        class_names: the classes in the order of their ids.

    Raises:
        UserError: a class is not known, or a file fits no image.
    """
    for file in files:
        ids = _ids(file, class_names)
        for folder in sorted(file.parent.rglob("labels")):
            for path in sorted(folder.rglob("*.txt")):
                item = images.of(path, folder)
                yield item.image_id, partial(draw, path, item.image, ids)


def _ids(path: Path, class_names: Sequence[str]) -> dict[int, int]:
    """Return the id of every class by its number in the files.

    Raises:
        UserError: a class is not known.
    """
    names = _document(path)["names"]
    numbered = dict(names) if isinstance(names, Mapping) else dict(enumerate(names))
    known = class_ids(class_names)
    found = {int(number): cleaned(str(name)) for number, name in numbered.items()}
    if unknown := [name for name in found.values() if name not in known]:
        raise UserError(
            f"{path}: {unknown[0]!r} is no class; the classes are {first_of(class_names)}"
        )
    return {number: known[name] for number, name in found.items()}


def draw(path: Path, image: Path, ids: Mapping[int, int]) -> np.ndarray:
    """Draw the label map (H, W) uint8 of a file.

    Raises:
        UserError: it is damaged, or has boxes in place of polygons.
    """
    size = image_size(image)
    try:
        lines = regular(path).read_text(encoding="utf-8").splitlines()
        regions = [_region(line, number, ids, size) for number, line in _numbered(lines)]
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error
    labels = np.zeros(size, np.uint8)
    for label, mask in sorted(regions, key=lambda region: -int(region[1].sum())):
        labels[mask] = label
    return labels


def _numbered(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def _region(
    line: str, number: int, ids: Mapping[int, int], size: tuple[int, int]
) -> tuple[int, np.ndarray]:
    """Return label and pixels (H, W) bool of a line.

    Raises:
        ValueError: it is no polygon of a known class.
    """
    first, *rest = line.split()
    if len(rest) == 4:
        raise ValueError(f"line {number} is a box; export the polygons of segmentation")
    if not first.isdecimal() or int(first) not in ids:
        raise ValueError(f"line {number}: {first!r} is not the number of a class")
    if len(rest) % 2:
        raise ValueError(f"line {number}: a y is missing")
    points = np.array(rest, float).reshape(-1, 2) * (size[1], size[0])
    try:
        return ids[int(first)], fill(points, size)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from error


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(regular(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as YAML ({error})") from error
    return document if isinstance(document, Mapping) else {}
