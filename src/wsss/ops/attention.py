"""Class-aware affinities from the attention of a vision transformer (CLIP-ES, CVPR 2023).

Source: linyq2117/CLIP-ES, `generate_cams_voc12.py` and `utils.py`; docs/methods/clip_es.md 4.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from wsss.ops.cam import scale_min_max

_ROUNDS = 3
"""Rounds of Sinkhorn's normalisation."""

_SHARE = 0.4
"""Fraction of a map's maximum above which its boxes are drawn."""

EPS = 1e-7
"""Added to the maximum of a map that is scaled to [0, 1]."""


def attention_affinity(attention: Tensor) -> Tensor:
    """Turn attention into affinities: Sinkhorn's normalisation, symmetry, two steps of a walk.

    Every round divides by the sums of the columns, then by those of the rows.

    Args:
        attention: (B, N, N) >= 0 between the N patches, averaged over heads and blocks.

    Returns:
        (B, N, N) affinities.
    """
    for _ in range(_ROUNDS):
        attention = attention / attention.sum(1, keepdim=True)
        attention = attention / attention.sum(2, keepdim=True)
    attention = (attention + attention.mT) / 2
    return attention @ attention


def refine_by_attention(maps: Tensor, affinity: Tensor, share: float = _SHARE) -> Tensor:
    """Spread maps along affinities from the boxes around what is high in them.

    Args:
        maps: (B, K, h, w) in [0, 1].
        affinity: (B, h * w, h * w) from `attention_affinity`.
        share: Fraction of a map's maximum, see `box_mask`.

    Returns:
        (B, K, h, w) in [0, 1], each scaled by its minimum and maximum.
    """
    arrays = maps.detach().float().cpu().numpy()
    boxes = np.zeros(arrays.shape, bool)
    for at in np.ndindex(arrays.shape[:2]):
        boxes[at] = box_mask(arrays[at], share)
    inside = (maps * torch.from_numpy(boxes).to(maps.device)).flatten(2)
    return scale_min_max((inside @ affinity.mT).view_as(maps), EPS)


def box_mask(scores: np.ndarray, share: float = _SHARE) -> np.ndarray:
    """Mark the boxes around all contours of a map above a fraction of its maximum.

    As published, scores are compared as bytes, and boxes end before the last row and column.

    Args:
        scores: (h, w) in [0, 1].
        share: Fraction of the maximum.

    Returns:
        (h, w) bool, the union of the boxes.
    """
    levels = (scores * 255).astype(np.uint8)
    high = (levels > int(share * levels.max())).astype(np.uint8)
    contours, _ = cv2.findContours(high, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    inside = np.zeros(scores.shape, bool)
    for contour in contours:
        left, top, width, height = cv2.boundingRect(contour)
        inside[top : top + height, left : left + width] = True
    inside[-1], inside[:, -1] = False, False
    return inside
