"""Connected regions of label maps."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from wsss.io.labels import IGNORE


class Region(NamedTuple):
    """A connected region of a label map.

    Attributes:
        label: its label.
        area: its pixels.
        rows, columns: where it is, with a margin of a pixel.
        inside: truth values of that part.
    """

    label: int
    area: int
    rows: slice
    columns: slice
    inside: np.ndarray


def regions(labels: np.ndarray, background: bool = False) -> Iterator[list[Region]]:
    """Yield the 8-connected regions of every class in a label map, the largest first.

    Args:
        labels: (H, W) uint8; 0 and 255 are no classes.
        background: yield the 4-connected regions of the background, too.
    """
    wanted = (labels != IGNORE) & ((labels > 0) | background)
    for label in np.unique(labels[wanted]).tolist():
        mask = (labels == label).astype(np.uint8)
        # holes are enclosed by 8-connected regions
        connectivity = 8 if label else 4
        count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
        found = []
        for number in range(1, count):
            left, top, width, height, area = stats[number].tolist()
            rows = slice(max(0, top - 1), top + height + 1)
            columns = slice(max(0, left - 1), left + width + 1)
            inside = numbers[rows, columns] == number
            found.append(Region(label, area, rows, columns, inside))
        yield sorted(found, key=lambda region: -region.area)


def without_strays(labels: np.ndarray, least: float) -> np.ndarray:
    """Give small regions the label that most pixels around them have.

    What lies in the background becomes background, what lies in an object of another class becomes
    part of it, and so do small holes. The largest region of a class stays, however small: the image
    has its label.

    Args:
        labels: (H, W) uint8, 0 = background, 255 = ignored.
        least: share of the image that a region has to cover, 0 to 1.

    Returns:
        (H, W) uint8.
    """
    found = regions(labels, background=True)
    strays = [r for same in found for r in same[1:] if r.area < least * labels.size]
    cleaned = labels.copy()
    # a stray region beside a smaller one is cleaned after it
    for region in sorted(strays, key=lambda one: one.area):
        part = cleaned[region.rows, region.columns]
        grown = cv2.dilate(region.inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        around = part[grown & ~region.inside]
        part[region.inside] = np.bincount(around).argmax()
    return cleaned
