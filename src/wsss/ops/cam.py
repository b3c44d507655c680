"""The five ways to scale class activation maps.

With `p = relu(maps)` the published methods scale their maps by

    scale_by_max            p / (max + eps)                          PSA, AEFT: inference
    scale_by_max_less_eps   relu(p - eps) / (max + eps)              SEAM: pixel correlation
    max_norm                relu(p - min - eps) / (max - min + eps)  SEAM, AEFT: losses
    scale_min_max_less_eps  (p - min - eps) / (max - min + eps)      SEAM: inference
    scale_min_max           (maps - min) / (max - min + eps)         EADER, CLIP-ES: attention, maps
"""

from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Maps = TypeVar("Maps", np.ndarray, Tensor)


def scale_by_max(maps: Maps, eps: float = 1e-5) -> Maps:
    """Divide each map by its maximum: `maps / (max + eps)`.

    The inference of PSA (`infer_cls.py`) and AEFT (`infer.py`). No minimum is subtracted.

    Args:
        maps: Activations >= 0 (..., H, W), array or tensor; may hold no map at all.
        eps: Added to the denominator; keeps a map of zeros at zero.

    Returns:
        Maps of the same shape and kind, in [0, 1).
    """
    if isinstance(maps, Tensor):
        return maps / (maps.amax((-2, -1), keepdim=True) + eps)
    return maps / (maps.max(axis=(-2, -1), keepdims=True) + eps)


def scale_by_max_less_eps(maps: Tensor, eps: float = 1e-5) -> Tensor:
    """Divide the positive part p of each map by its maximum: `relu(p - eps) / (max + eps)`.

    The pixel correlation of SEAM (`network/resnet38_SEAM.py`, `PCM`; docs/methods/seam.md 1.1).

    Args:
        maps: Signed maps (B, D, H, W).
        eps: Taken from the numerator, added to the denominator.

    Returns:
        Maps (B, D, H, W) in [0, 1).
    """
    positive = F.relu(maps)
    return F.relu(positive - eps) / (positive.amax((2, 3), keepdim=True) + eps)


def max_norm(maps: Tensor, eps: float = 1e-5) -> Tensor:
    """Scale the positive part p of each map: `relu(p - min - eps) / (max - min + eps)`.

    The losses of SEAM and AEFT (`tool/visualization.py`, `max_norm`; docs/methods/seam.md 2).
    Gradients flow through both extremes.

    Args:
        maps: Signed maps (B, D, H, W).
        eps: Taken from the numerator, added to the denominator.

    Returns:
        Maps (B, D, H, W) in [0, 1).
    """
    positive = F.relu(maps)
    flat = positive.flatten(2)
    low, high = (extreme(flat, 2).values[..., None, None] for extreme in (torch.min, torch.max))
    return F.relu(positive - low - eps) / (high - low + eps)


def scale_min_max_less_eps(maps: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """Scale the positive part p of each map: `(p - min - eps) / (max - min + eps)`.

    The inference of SEAM (`infer_SEAM.py`; docs/methods/seam.md 5). Pixels at the minimum are set
    to 0 before the minimum is subtracted, so they end below 0, and a map of zeros at -1; the
    published CAMs are like that.

    Args:
        maps: Signed activations (K, H, W); may hold no map at all.
        eps: Taken from the numerator, added to the denominator.

    Returns:
        Maps (K, H, W) < 1.
    """
    maps = np.maximum(maps, 0)
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return (np.where(maps < low + eps, 0, maps) - low - eps) / (high - low + eps)


def scale_min_max(maps: Maps, eps: float = 0.0) -> Maps:
    """Scale each map to [0, 1]: `(maps - min) / (max - min + eps)`.

    Attention and inference of EADER (`attention_map_wrapper.py`; docs/methods/eader.md 5.1,
    step 5), without an epsilon; CLIP-ES has one. A constant map becomes zeros; gradients flow
    through both extremes.

    Args:
        maps: Signed maps (..., H, W), array or tensor; may hold no map at all.
        eps: Added to the denominator.

    Returns:
        Maps of the same shape and kind, in [0, 1].
    """
    if isinstance(maps, Tensor):
        shifted = maps - maps.amin((-2, -1), keepdim=True)
        top = shifted.amax((-2, -1), keepdim=True)
        return shifted / (top.where(top != 0, 1.0) + eps)
    shifted = maps - maps.min(axis=(-2, -1), keepdims=True)
    top = shifted.max(axis=(-2, -1), keepdims=True)
    return shifted / (np.where(top != 0, top, top.dtype.type(1)) + top.dtype.type(eps))
