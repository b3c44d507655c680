"""Rasterisation of MS-COCO regions (polygons and run lengths) to label maps."""

import math
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict

import numpy as np
from pycocotools import mask as coco

from wsss.io.labels import IGNORE

_FAR = 1.0
"""Largest distance of polygon points from the image, in image sides."""


Polygons = list["array[float]"]


class RunLengths(TypedDict):
    """Compressed run lengths as pycocotools has them."""

    size: list[int]
    counts: bytes


class Region(NamedTuple):
    """A labelled region of an image.

    `segmentation` is a list of polygons x0, y0, x1, y1, ... in pixels, or a mapping of `size`
    [H, W] and `counts`: run lengths along the columns, of 0 first, as numbers or as COCO's text.
    """

    label: int
    crowd: bool
    segmentation: Any


def draw(regions: Sequence[Region], size: tuple[int, int]) -> np.ndarray:
    """Rasterise the label map of an image.

    Larger instances are drawn first, so the smaller one of an overlap wins: it is nearly always
    in front or a part (a tie on a person), and would be hidden otherwise. Crowds are outlined
    coarsely; pixels of them without an instance are ignored.

    Args:
        regions: those of the image, checked by `problem`.
        size: (H, W) of the image.

    Returns:
        (H, W) uint8: labels, 0 = background, 255 = ignored.
    """
    labels = np.zeros(size, np.uint8)
    runs = [(region, encode(region.segmentation, size)) for region in regions]
    # crowds, then instances from the largest to the smallest
    for region, run in runs:
        if region.crowd:
            labels[coco.decode(run) > 0] = IGNORE
    instances = [(region, run) for region, run in runs if not region.crowd]
    for region, run in sorted(instances, key=lambda pair: -int(coco.area(pair[1]))):
        labels[coco.decode(run) > 0] = region.label
    return labels


def encode(segmentation: Polygons | dict[str, Any], size: tuple[int, int]) -> RunLengths:
    """Return the compressed run lengths of a region.

    Args:
        segmentation: as in `Region`, checked by `problem`.
        size: (H, W) of the image.
    """
    height, width = size
    if isinstance(segmentation, list):
        polygons = [polygon.tolist() for polygon in segmentation]
        merged: RunLengths = coco.merge(coco.frPyObjects(polygons, height, width))
        return merged
    counts = segmentation["counts"]
    runs = text_counts(counts) if isinstance(counts, str) else list(counts)
    encoded: RunLengths = coco.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    return encoded


def text_counts(text: str) -> list[int]:
    """Decode COCO's text of run lengths.

    Every character has five bits, lowest first, and a sixth bit if more follow; from the fourth
    number on the difference to the last but one is written (pycocotools, `common/maskApi.c`,
    which reads beyond the end of a truncated text).

    Raises:
        ValueError: the text has other characters or is truncated.
    """
    runs: list[int] = []
    value = shift = 0
    for sign in text:
        bits = ord(sign) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"the character {sign!r}")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (1 << shift) * (bits >> 4 & 1)
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("cut off")
    return runs


def problem(segmentation: object, size: tuple[int, int]) -> str:
    """Return the problem of a region of an image of (H, W) pixels; "" = none."""
    if isinstance(segmentation, dict):
        return _runs_problem(segmentation, size)
    if not isinstance(segmentation, list) or not all(isinstance(p, array) for p in segmentation):
        return "is no list of polygons (lists of x, y, x, y, ...)"
    return next(filter(None, (_polygon_problem(p, size) for p in segmentation)), "")


def _polygon_problem(polygon: "array[float]", size: tuple[int, int]) -> str:
    if len(polygon) < 6 or len(polygon) % 2:
        return f"has a polygon of {len(polygon)} numbers; at least three points x, y are needed"
    for numbers, side in ((polygon[::2], size[1]), (polygon[1::2], size[0])):
        low, high = -_FAR * side, (1 + _FAR) * side
        inside = low <= min(numbers) and max(numbers) <= high
        if not inside or not math.isfinite(sum(numbers)):
            return f"has a point far outside the image of {size[1]} x {size[0]} pixels"
    return ""


def _runs_problem(region: dict[str, Any], size: tuple[int, int]) -> str:
    counts = region.get("counts")
    if region.get("size") != list(size):
        return f"is of the size {region.get('size')}, its image of {list(size)} (height, width)"
    try:
        runs = text_counts(counts) if isinstance(counts, str) else counts
    except ValueError as error:
        return f"has damaged run lengths ({error})"
    if not isinstance(runs, list | array):
        return "has no run lengths (counts)"
    if not all(type(run) is int and run >= 0 for run in runs):
        return "has run lengths that are no whole numbers from 0"
    if sum(runs) != math.prod(size):
        return f"has run lengths of {sum(runs)} pixels, its image has {math.prod(size)}"
    return ""
