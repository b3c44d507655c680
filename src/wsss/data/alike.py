"""Images that show the same, although their files differ: scaled, compressed or edited copies."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

THUMBNAIL = 8
"""Side of the thumbnails that are compared."""

ALIKE = 4.0
"""Largest difference of the thumbnails of copies, in grey levels; two photographs differ by 20 and
more."""

MANY = 10_000
"""Images that are compared at most: the time grows with the square of their number."""

_ROWS = 1024
"""Images that are compared with all others at a time."""


def thumbnail(pixels: np.ndarray) -> bytes:
    """Return the mean colours of 8 x 8 equal parts of an image.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Returns:
        (8, 8, 3) uint8, flattened.
    """
    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return small.tobytes()


def alike(thumbnails: Sequence[bytes]) -> list[list[int]]:
    """Return the groups of images that show the same.

    Two images are alike if the root mean square of the difference of their thumbnails is at most
    `ALIKE`; images that are alike to the same one are in one group.

    Args:
        thumbnails: what `thumbnail` returned, by image.

    Returns:
        Positions of the images of each group of two or more, ascending; none of more than `MANY`
        images.
    """
    if not 1 < len(thumbnails) <= MANY:
        return []
    colours = np.stack([np.frombuffer(one, np.uint8) for one in thumbnails]).astype(np.float32)
    colours -= colours.mean(0)
    squares = (colours**2).sum(1)
    limit = ALIKE**2 * colours.shape[1]
    root = list(range(len(thumbnails)))
    for start in range(0, len(root), _ROWS):
        rows = slice(start, start + _ROWS)
        distance = squares[rows, None] + squares - 2 * colours[rows] @ colours.T
        for row, other in np.argwhere(np.triu(distance <= limit, start + 1)):
            first, second = _root(root, start + int(row)), _root(root, int(other))
            root[max(first, second)] = min(first, second)
    groups: dict[int, list[int]] = {}
    for place in range(len(root)):
        groups.setdefault(_root(root, place), []).append(place)
    return [group for group in groups.values() if len(group) > 1]


def _root(root: list[int], place: int) -> int:
    """Return the first image of the group of an image."""
    while root[place] != place:
        place = root[place]
    return place
