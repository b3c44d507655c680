"""Pixel correlation: class maps that spread over cells of similar features.

Wang et al., Self-supervised Equivariant Attention Mechanism, CVPR 2020, section 3.3; constants
and order of YudeWang/SEAM, ``network/resnet38_SEAM.py`` (docs/methods/seam.md 1.1). All of it runs
in float32, under autocast too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.ops.cam import scale_by_max_less_eps

BLOCK = 4096
"""Cells whose affinities to all others are held at a time; more than a crop of 448 has."""


def winner_maps(logits: Tensor, eps: float = 1e-5) -> Tensor:
    """Keep one winner per cell of the class maps, as input of the pixel correlation.

    Each map is scaled by its maximum; the background is what the strongest class leaves to 1; of
    the classes only the strongest keeps its value, several of them in a tie.

    Args:
        logits: Class maps before any rectification (B, 1 + C, h, w), background first. Its values
            play no part.
        eps: Taken from the maps, added to their maxima.

    Returns:
        Maps in [0, 1] (B, 1 + C, h, w) float32 without gradient.
    """
    classes = scale_by_max_less_eps(logits.detach().float(), eps)[:, 1:]
    strongest = classes.amax(1, keepdim=True)
    winners = classes.masked_fill(classes < strongest, 0)
    return torch.cat([1 - strongest, winners], dim=1)


def refine(maps: Tensor, features: Tensor, eps: float = 1e-5) -> Tensor:
    """Replace each cell by the mean of all cells, weighted with the affinity of their features.

    The affinity of two cells is the cosine of their features where positive, else 0; the weights
    of a cell are divided by their sum plus `eps`.

    Args:
        maps: Maps (B, K, h, w).
        features: Features of the same cells (B, D, h, w).
        eps: Added to the norms of the features and to the sums of the affinities.

    Returns:
        Refined maps (B, K, h, w) float32.

    Raises:
        ValueError: Maps and features lie on different grids.
    """
    if maps.shape[2:] != features.shape[2:]:
        raise ValueError(f"maps {tuple(maps.shape)} do not fit features {tuple(features.shape)}")
    with torch.autocast(features.device.type, enabled=False):
        # unit features of the N cells (B, D, N)
        cells = features.float().flatten(2)
        cells = cells / (cells.norm(dim=1, keepdim=True) + eps)
        # a map of ones is appended: it gathers the sums of the affinities (B, K + 1, N)
        given = F.pad(maps.float().flatten(2), (0, 0, 0, 1), value=1.0)
        blocks = [
            given @ (cells.transpose(1, 2) @ block).relu_() for block in cells.split(BLOCK, dim=2)
        ]
        # divide the weighted sums by the sums of the affinities
        gathered = torch.cat(blocks, dim=2)
        return (gathered[:, :-1] / (gathered[:, -1:] + eps)).view(maps.shape)
