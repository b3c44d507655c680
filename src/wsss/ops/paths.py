"""Affinities along paths: two cells belong together if no boundary lies between them.

Ahn, Cho & Kwak, CVPR 2019, equation 4; ``misc/indexing.py`` of jiwoon-ahn/irn (docs/methods/irn.md
5.1 and 7).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.ops.pairs import Window, offsets, windows
from wsss.ops.walk import random_walk


def path(dy: int, dx: int) -> list[tuple[int, int]]:
    """List the cells between a cell and its neighbour, both included.

    Those of the bounding box whose distance to the straight line is less than 1.

    Args:
        dy: Rows to the neighbour, >= 0.
        dx: Columns to the neighbour; not both are 0.

    Returns:
        Steps (y, x) from the cell, row by row.
    """
    columns = range(min(dx, 0), max(dx, 0) + 1)
    limit = dy * dy + dx * dx
    return [(y, x) for y in range(dy + 1) for x in columns if (dy * x - dx * y) ** 2 < limit]


def path_affinity(edge: Tensor, radius: int) -> Tensor:
    """Compute the affinities of paired cells: 1 less the strongest boundary on their path.

    Args:
        edge: Boundaries in [0, 1] (B, h, w); half precision is computed in float32.
        radius: Radius of the pairs, cells, see `pairs.pair_indices`.

    Returns:
        Affinities in [0, 1] (B, P, n), in the order of `pairs.pair_indices`.
    """
    if edge.dtype in (torch.float16, torch.bfloat16):
        edge = edge.float()
    height, width = edge.shape[1:]
    (rows, columns), _ = windows(height, width, radius)
    strongest = []
    for dy, dx in offsets(radius):
        cells = [edge[:, *_moved(rows, columns, y, x)] for y, x in path(dy, dx)]
        strongest.append(torch.stack(cells).max(0).values)
    return 1 - torch.stack(strongest, 1).flatten(2)


def _moved(rows: slice, columns: slice, dy: int, dx: int) -> Window:
    """Move a window by some rows and columns."""
    return (
        slice(rows.start + dy, rows.stop + dy),
        slice(columns.start + dx, columns.stop + dx),
    )


def walk_between_boundaries(
    maps: Tensor, edge: Tensor, radius: int, beta: float, steps: int
) -> Tensor:
    """Walk maps that are weakened on boundaries, without crossing these.

    Cells at the border have whole neighbourhoods: the grid is surrounded by boundaries, which
    nothing crosses.

    Args:
        maps: Maps of the classes present (K, h, w).
        edge: Boundaries in [0, 1] (h, w).
        radius: Radius of the pairs, cells.
        beta: Exponent > 0 of the affinities, see `walk.random_walk`.
        steps: Number of steps.

    Returns:
        Walked maps (K, h, w).
    """
    height, width = edge.shape
    margin = radius - 1
    around = (margin, margin, 0, margin)
    fenced = F.pad(edge, around, value=1.0)
    affinity = path_affinity(fenced[None], radius)[0]
    walked = random_walk(F.pad(maps * (1 - edge), around), affinity, radius, beta, steps)
    return walked[:, :height, margin : margin + width]
