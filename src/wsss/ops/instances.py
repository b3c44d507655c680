"""Instances from displacements: pixels that are led to one centre (IRN, CVPR 2019, section 4.2)."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

REFINEMENTS = 300
"""Steps in which a cell follows the displacements."""

_CENTRE = 2.5
"""Length of displacements, in cells, below which a cell is near a centre."""

_LEAST = 0.01
"""Fraction of the image that an instance has to cover."""


class Instance(NamedTuple):
    """An object.

    Attributes:
        position: Position of its class in the list of classes present.
        mask: Its pixels (H, W) bool.
        score: Its highest score.
    """

    position: int
    mask: np.ndarray
    score: float


def centroids(dp: Tensor) -> Tensor:
    """Follow displacements, interpolated bilinearly, from every cell to where they end.

    Args:
        dp: Displacements (2, h, w) in cells, vertical ones first.

    Returns:
        Cells (2, h, w) int64, rows first, on the map.
    """
    height, width = dp.shape[1:]
    last = dp.new_tensor([height - 1, width - 1])[:, None, None]
    rows, columns = torch.arange(height).to(dp), torch.arange(width).to(dp)
    at = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    for _ in range(REFINEMENTS):
        # (x, y) in [-1, 1] between the centres of the corner cells
        place = (2 * at / last.clamp(min=1) - 1).flip(0).permute(1, 2, 0)[None]
        at = at + F.grid_sample(dp[None], place, padding_mode="border", align_corners=True)[0]
        at = torch.minimum(at.clamp(min=0), last)
    return at.round().long()


def clusters(dp: Tensor) -> np.ndarray:
    """Group the cells by the centre that displacements lead them to.

    Centres are the 4-connected regions of short displacements; cells that end in none of them
    form a group, too (jiwoon-ahn/irn, `step/make_ins_seg_labels.py`; docs/methods/irn.md 8).

    Args:
        dp: Displacements (2, h, w) in cells.

    Returns:
        Masks of the groups (M, h, w) bool, disjoint, none empty.
    """
    near = (dp.norm(dim=0) < _CENTRE).cpu().numpy().astype(np.uint8)
    _, regions = cv2.connectedComponents(near, connectivity=4)
    row, column = centroids(dp).cpu().numpy()
    found = regions[row, column]
    return np.stack([found == group for group in np.unique(found)])


def fragments(scores: np.ndarray, positions: np.ndarray) -> list[Instance]:
    """Cut the winners of walked maps into connected instances.

    Args:
        scores: Score of the background, then the maps (1 + M, H, W).
        positions: Position of the class of each map (M,).

    Returns:
        Instances of at least a hundredth of the image, by their maps.
    """
    found = []
    winners = scores.argmax(axis=0)
    for number, position in enumerate(positions.tolist(), 1):
        count, regions = cv2.connectedComponents(
            (winners == number).astype(np.uint8), connectivity=4
        )
        for region in range(1, count):
            mask = regions == region
            if mask.mean() >= _LEAST:
                found.append(Instance(position, mask, float(scores[number][mask].max())))
    return found
