"""Gated pyramid pooling: the head of AEFT (Yoon et al., ECCV 2022; ``networks/resnet38d.py``).

Signed class maps are averaged over grids of several sizes, merged from coarse to fine by gates
that keep the sign, and the result weighs the maps where they are turned into logits
(docs/methods/aeft.md 5).
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.ops.resize import plane, resize_bilinear

BINS = (2, 4, 8, 16)
"""Cells per side of the grids, coarse to fine."""


class SignedGate(nn.Module):
    """Merges two signed maps; positive and negative parts are weighed apart.

    Source: docs/methods/aeft.md 5, step 2.

    Each of the two attentions is shared by all classes. Names and shapes are the official ones:
    ``att_p.0.weight`` and ``att_n.0.weight``, (2, 2C, 3, 3).

    Args:
        num_classes: Number of foreground classes C.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.att_p = nn.Sequential(_attention(num_classes), nn.Sigmoid())
        self.att_n = nn.Sequential(_attention(num_classes), nn.Sigmoid())

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Merge two signed maps (B, C, h, w) into one of the same shape.

        ``(x+ A_0 + y+ A_1) / 2 - (x- N_0 + y- N_1) / 2``, with attentions A of the positive and N
        of the negative parts in (0, 1).
        """
        positive = _merge(self.att_p, F.relu(coarse), F.relu(fine))
        return positive - _merge(self.att_n, F.relu(-coarse), F.relu(-fine))


def pool_to(cam: Tensor, bins: int) -> Tensor:
    """Average maps over a grid and resize it back (``align_corners=False``).

    Args:
        cam: Signed class maps (B, C, h, w), any h, w >= 1.
        bins: Cells per side of the grid; may exceed h and w.

    Returns:
        Smoothed maps (B, C, h, w).
    """
    return resize_bilinear(F.adaptive_avg_pool2d(cam, bins), plane(cam))


def gated_pyramid(cam: Tensor, gates: Iterable[SignedGate]) -> Tensor:
    """Merge the grids from coarse to fine (docs/methods/aeft.md 5, step 3).

    Args:
        cam: Signed class maps (B, C, h, w).
        gates: One fewer than ``BINS``; each merges what came before it with the next finer grid.

    Returns:
        Signed pooled maps (B, C, h, w).
    """
    merged = pool_to(cam, BINS[0])
    for gate, bins in zip(gates, BINS[1:], strict=True):
        merged = gate(merged, pool_to(cam, bins))
    return merged


def signed_score(cam: Tensor, pooled: Tensor) -> Tensor:
    """Turn maps into logits: ``mean(cam+ pooled+) - mean(cam- pooled-)``.

    Source: docs/methods/aeft.md 5, step 4.

    Cells where the signs disagree contribute nothing.

    Args:
        cam: Signed class maps (B, C, h, w).
        pooled: Their gated pyramid, same shape.

    Returns:
        Logits (B, C).
    """
    return (F.relu(cam) * F.relu(pooled) - F.relu(-cam) * F.relu(-pooled)).mean((2, 3))


def _attention(num_classes: int) -> nn.Conv2d:
    return nn.Conv2d(2 * num_classes, 2, 3, padding=1, bias=False)


def _merge(attention: nn.Module, coarse: Tensor, fine: Tensor) -> Tensor:
    weights = attention(torch.cat([coarse, fine], dim=1))
    return 0.5 * (coarse * weights[:, :1] + fine * weights[:, 1:])
