"""Layout of square tiles, and blending or stitching of their maps."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """Rectangle of a tile in its image.

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
        """Last row + 1."""
        return self.top + self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Slices of rows and columns that cut the tile out of an array (H, W, ...)."""
        return slice(self.top, self.bottom), slice(self.left, self.left + self.width)


def layout(size: tuple[int, int], tile: int, overlap: int) -> list[Window]:
    """Cover an image with as few tiles as its sides need, evenly spread.

    Args:
        size: (H, W) of the image.
        tile: side of a tile, pixels; where the image is smaller, a tile is as large as the image.
        overlap: smallest overlap of neighbours, pixels, 0 <= overlap < tile.

    Returns:
        The tiles row by row, all inside the image.

    Raises:
        ValueError: the overlap is out of range.
    """
    if not 0 <= overlap < tile:
        raise ValueError(f"overlap must be in [0, {tile}), not {overlap}")
    height, width = (min(tile, side) for side in size)
    tops, lefts = (_starts(side, tile, overlap) for side in size)
    return [Window(top, left, height, width) for top in tops for left in lefts]


def weights(height: int, width: int) -> np.ndarray:
    """Return the blending weight of each pixel of a tile.

    `sin^2(pi (i + 1/2) / n)` along both sides: 1 in the middle, near 0 but positive at the border,
    where the network sees the least context. Hence the blend has no seams.

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
    """Blend the maps of tiles row by row.

    Only the rows of the current tiles are kept, so a large image needs little memory.

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
        # (L, rows, W) sums of the rows from `done` on
        if not total.size:
            total = np.zeros((len(part), 0, size[1]), np.float32)
            weight = np.zeros((0, size[1]), np.float32)
        # rows above this tile are complete
        if window.top > done:
            ready = window.top - done
            yield total[:, :ready] / weight[:ready]
            total, weight, done = total[:, ready:], weight[ready:], window.top
        if (more := window.bottom - done - len(weight)) > 0:
            total = np.pad(total, ((0, 0), (0, more), (0, 0)))
            weight = np.pad(weight, ((0, more), (0, 0)))
        # add the tile, (L, h, w), with its weights, (h, w)
        rows, columns = Window(window.top - done, *window[1:]).slices
        tile_weight = weights(window.height, window.width)
        total[:, rows, columns] += part * tile_weight
        weight[rows, columns] += tile_weight
    yield total / weight


def most_central(windows: Sequence[Window], size: tuple[int, int]) -> np.ndarray:
    """Return the tile of each pixel: the one whose `weights` are largest there.

    Args:
        windows: tiles that cover the image.
        size: (H, W) of the image.

    Returns:
        (H, W) int32 positions in `windows`; among equals the first.
    """
    best, owner = np.zeros(size, np.float32), np.zeros(size, np.int32)
    for number, window in enumerate(windows):
        tile_weight = weights(window.height, window.width)
        more = tile_weight > best[window.slices]
        best[window.slices][more] = tile_weight[more]
        owner[window.slices][more] = number
    return owner


def stitch(
    parts: Iterable[np.ndarray], windows: Sequence[Window], size: tuple[int, int]
) -> np.ndarray:
    """Stitch the label maps of tiles; each pixel is taken from its `most_central` tile.

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
