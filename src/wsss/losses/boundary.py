"""The smoothness loss of SB: class maps change only where boundaries are.

Liu et al., Learning Structure-Aware Semantic Segmentation with Image-Level Supervision, IJCNN
2021; formulas and constants of Carlisle-Liu/SBNet, ``train_SB.py`` and
``smoothness/__init__.py`` (docs/methods/sb.md 4).
"""

import torch
from torch import Tensor

from wsss.ops.edges import derivatives

FIRST, SECOND = 10.0, 1.0
"""Weights of the first and the second derivatives."""

GATE = 10.0
"""Decay of the penalty at boundaries: its weight is `exp(-GATE boundary)`."""


def smoothness(maps: Tensor, boundary: Tensor, present: Tensor) -> Tensor:
    """Mean change of class probabilities from pixel to pixel, except where boundaries are.

    `10 mean((c(|dx| w) + c(|dy| w)) Y) + mean(c(|laplacian| w) Y)` with `w = exp(-10 boundary)`
    and `c(s) = sqrt(s^2 + 1e-6)`. The means run over all labels, the border of the image counts
    as a change, and the boundaries are not masked by the labels.

    Args:
        maps: Probabilities of the labels (B, L, H, W).
        boundary: Boundary maps (B, L, H, W) in [0, 1].
        present: Y, 1 for the labels of the image, background first (B, L).

    Returns:
        Scalar >= 0.
    """
    with torch.autocast(maps.device.type, enabled=False):
        gate, chosen = torch.exp(-GATE * boundary.float()), present.float()[:, :, None, None]
        dx, dy, laplacian = (_size(d * gate) for d in derivatives(maps.float()))
        return FIRST * ((dx + dy) * chosen).mean() + SECOND * (laplacian * chosen).mean()


def _size(x: Tensor) -> Tensor:
    """Return the absolute value, rounded off at 0 so that it has a gradient there."""
    return torch.sqrt(x.square() + 1e-6)
