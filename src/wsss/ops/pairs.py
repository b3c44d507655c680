"""Pairs of neighbouring cells on a grid (AffinityNet, Ahn & Kwak, CVPR 2018)."""

from functools import lru_cache

import torch
from torch import Tensor


def fit_radius(h: int, w: int, radius: int) -> int:
    """Shrink a radius so that a grid still has source cells: at most `(min(h, w) - 1) // 2`.

    SEAM's and AEFT's rule for grids narrower than `2 radius + 1`; PSA fails on the smallest ones.

    Args:
        h: Height of the grid, cells.
        w: Width of the grid, cells.
        radius: Radius wanted, cells.

    Returns:
        The radius to hand to `pair_indices`; 0 or 1, on a tiny grid, means no pairs.
    """
    return min(radius, (min(h, w) - 1) // 2)


def offsets(radius: int) -> list[tuple[int, int]]:
    """List the steps from a cell to its neighbours, each pair of cells in one direction only.

    Those closer than `radius`, first to the right in the same row, then row by row below; the
    order is that of PSA (`tool/pyutils.py`). Radius 5 gives 34.

    Args:
        radius: Euclidean distance, cells, that no neighbour reaches.

    Returns:
        Steps (dy, dx), P of them.
    """
    right = [(0, dx) for dx in range(1, radius)]
    below = [(dy, dx) for dy in range(1, radius) for dx in range(1 - radius, radius)]
    return right + [(dy, dx) for dy, dx in below if dy * dy + dx * dx < radius * radius]


Window = tuple[slice, slice]
"""Rows and columns of a grid."""


def windows(h: int, w: int, radius: int) -> tuple[Window, list[Window]]:
    """Place all pairs of neighbouring cells on a grid.

    Sources are the cells whose whole neighbourhood lies on the grid: all but the last
    `radius - 1` rows and the outer `radius - 1` columns on both sides (PSA, `tool/pyutils.py`).

    Args:
        h: Height of the grid, cells.
        w: Width of the grid, cells.
        radius: See `offsets`.

    Returns:
        The window of the source cells, and that of their neighbours for each of the P steps.

    Raises:
        ValueError: The grid is too small for the radius.
    """
    margin = max(radius - 1, 0)
    if h <= margin or w <= 2 * margin:
        raise ValueError(f"grid {h} x {w} is too small for radius {radius}: use fit_radius")
    rows, columns = h - margin, w - 2 * margin
    places = [
        (slice(dy, dy + rows), slice(margin + dx, margin + dx + columns))
        for dy, dx in [(0, 0), *offsets(radius)]
    ]
    return places[0], places[1:]


@lru_cache(maxsize=64)
def pair_indices(h: int, w: int, radius: int) -> tuple[Tensor, Tensor]:
    """Index all pairs of neighbouring cells on a grid, rows first.

    Args:
        h: Height of the grid, cells.
        w: Width of the grid, cells.
        radius: See `offsets`.

    Returns:
        Source cells (n,) and their neighbours (P, n), int64 on the CPU, see `windows`. The tensors
        are cached and shared: do not write to them.

    Raises:
        ValueError: The grid is too small for the radius.
    """
    grid = torch.arange(h * w).view(h, w)
    source, targets = windows(h, w, radius)
    here = grid[source].flatten()
    there = [grid[place].flatten() for place in targets]
    return here, torch.stack(there) if there else here.new_empty(0, len(here))
