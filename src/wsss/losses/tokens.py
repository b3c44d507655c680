"""Contrast of the patch tokens of a vision transformer (ToCo, CVPR 2023).

Source: rulixiang/ToCo, ``utils/camutils.py`` and ``model/losses.py``; docs/methods/vit.md 4.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.ops.cam import scale_min_max

UNSURE = -1
"""Label of a token that takes part in no pair."""


def token_labels(maps: Tensor, labels: Tensor, low: float, high: float) -> Tensor:
    """Label tokens by class maps, each scaled to [0, 1] by the extremes of its positive part.

    Args:
        maps: Signed class maps (B, C, h, w).
        labels: 1 where the image contains the class, else 0 (B, C).
        low: Score up to which a token is background.
        high: Score above which it has the class of the highest map; between both it is unsure.

    Returns:
        (B, h, w) int64: 0 background, c + 1 the class c, `UNSURE`.
    """
    scaled = scale_min_max(F.relu(maps)) * labels[:, :, None, None]
    score, winner = scaled.max(1)
    found = torch.where(score > high, winner + 1, UNSURE)
    return torch.where(score > low, found, 0)


def token_contrast(tokens: Tensor, labels: Tensor) -> Tensor:
    """Compare tokens of an image by |cos|: alike with the same label, unlike with different ones.

    `(1 - sum over same / (n + 1)) / 2 + sum over different / (m + 1) / 2` of the n and m ordered
    pairs of sure tokens in all images, no token paired with itself.

    Args:
        tokens: Patch tokens (B, D, h, w).
        labels: (B, h, w) as `token_labels` returns them.

    Returns:
        Scalar in [0, 1].
    """
    labels = labels.flatten(1)
    sure = labels != UNSURE
    pairs = sure[:, :, None] & sure[:, None]
    pairs &= ~torch.eye(labels.shape[1], dtype=torch.bool, device=labels.device)
    same = pairs & (labels[:, :, None] == labels[:, None])
    with torch.autocast(tokens.device.type, enabled=False):
        unit = F.normalize(tokens.float().flatten(2), dim=1)
        alike = (unit.mT @ unit).abs()
    return (1 - _mean(alike, same)) / 2 + _mean(alike, pairs & ~same) / 2


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Average values over a mask; one more in the denominator, as published."""
    return (values * mask).sum() / (mask.sum() + 1)
