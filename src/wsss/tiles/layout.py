"""Square tiles of an image: where they lie, and how their maps become one map again."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """Where a tile lies in its image.

    Attributes:
        top: first row, pixels.
        left: first column, pixels.
        height: rows.
        width: columns.
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """The row behind the last one."""
        return self.top + self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rows and columns, to cut the tile out of an array (H, W, ...)."""
        return slice(self.top, self.bottom), slice(self.left, self.left + self.width)


def layout(size: tuple[int, int], tile: int, overlap: int) -> list[Window]:
    """Cover an image with as few tiles as its sides need, evenly spread.

    Args:
        size: (H, W) of the image.
        tile: side of a tile, pixels; where the image is smaller, a tile is as large as the image.
        overlap: pixels that neighbours share at least, 0 <= overlap < tile.

    Returns:
        The tiles row by row; none leaves the image.

    Raises:
        ValueError: the overlap is out of range.
    """
    if not 0 <= overlap < tile:
        raise ValueError(f"overlap must be in [0, {tile}), not {overlap}")
    height, width = (min(tile, side) for side in size)
    tops, lefts = (_starts(side, tile, overlap) for side in size)
    return [Window(top, left, height, width) for top in tops for left in lefts]


def weights(height: int, width: int) -> np.ndarray:
    """Return how much each pixel of a tile counts when tiles are blended.

    `sin^2(pi (i + 1/2) / n)` along both sides: 1 in the middle, near 0 but positive at the border,
    where the network saw the least around a pixel. Hence the blend has no seams.

    Returns:
        (height, width) float32 in (0, 1].
    """
    rows, columns = (np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in (height, width))
    return np.outer(rows, columns).astype(np.float32)


def blend(
    parts: Iterable[np.ndarray], windows: Sequence[Window], size: tuple[int, int]
) -> np.ndarray:
    """Return the mean (L, H, W) of the maps of all tiles, weighted by `weights`.

    Args and raises as `blend_rows`.
    """
    return np.concatenate(list(blend_rows(parts, windows, size)), axis=1)


def blend_rows(
    parts: Iterable[np.ndarray], windows: Sequence[Window], size: tuple[int, int]
) -> Iterator[np.ndarray]:
    """Blend the maps of tiles as they come, and hand over the rows that are finished.

    No more than the rows of the tiles at hand are kept, so a large image needs little memory.

    Args:
        parts: the map (L, h, w) float of every window.
        windows: tiles that cover the image, in the order of their tops, as `layout` gives them.
        size: (H, W) of the image.

    Yields:
        Blended maps (L, rows, W) float32 from the top of the image to its bottom.

    Raises:
        ValueError: there are more or fewer parts than windows.
    """
    done, total, weight = 0, np.empty(0), np.empty(0)
    for part, window in zip(parts, windows, strict=True):
        if not total.size:
            total = np.zeros((len(part), 0, size[1]), np.float32)
            weight = np.zeros((0, size[1]), np.float32)
        if window.top > done:
            ready = window.top - done
            yield total[:, :ready] / weight[:ready]
            total, weight, done = total[:, ready:], weight[ready:], window.top
        if (more := window.bottom - done - len(weight)) > 0:
            total = np.pad(total, ((0, 0), (0, more), (0, 0)))
            weight = np.pad(weight, ((0, more), (0, 0)))
        rows, columns = Window(window.top - done, *window[1:]).slices
        share = weights(window.height, window.width)
        total[:, rows, columns] += part * share
        weight[rows, columns] += share
    yield total / weight


def most_central(windows: Sequence[Window], size: tuple[int, int]) -> np.ndarray:
    """Return which tile decides each pixel: the one whose `weights` are largest there.

    Args:
        windows: tiles that cover the image.
        size: (H, W) of the image.

    Returns:
        (H, W) int32 positions in `windows`; among equals the first.
    """
    best, owner = np.zeros(size, np.float32), np.zeros(size, np.int32)
    for number, window in enumerate(windows):
        share = weights(window.height, window.width)
        more = share > best[window.slices]
        best[window.slices][more] = share[more]
        owner[window.slices][more] = number
    return owner


def stitch(
    parts: Iterable[np.ndarray], windows: Sequence[Window], size: tuple[int, int]
) -> np.ndarray:
    """Put the label maps of tiles together; each pixel is decided by its `most_central` tile.

    Args:
        parts: the label map (h, w) uint8 of every window.
        windows: tiles that cover the image.
        size: (H, W) of the image.

    Returns:
        (H, W) uint8 label map of the image.

    Raises:
        ValueError: there are more or fewer parts than windows.
    """
    owner, labels = most_central(windows, size), np.zeros(size, np.uint8)
    for number, (part, window) in enumerate(zip(parts, windows, strict=True)):
        mine = owner[window.slices] == number
        labels[window.slices][mine] = part[mine]
    return labels


def _starts(side: int, tile: int, overlap: int) -> list[int]:
    if side <= tile:
        return [0]
    gaps = -(-(side - tile) // (tile - overlap))
    return [number * (side - tile) // gaps for number in range(gaps + 1)]
