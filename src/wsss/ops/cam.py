"""Class activation maps: the five ways to scale them, background scores and seeds.

With `p = relu(maps)` the published methods scale their maps by

    scale_by_max            p / (max + eps)                          PSA, AEFT: inference
    scale_by_max_less_eps   relu(p - eps) / (max + eps)              SEAM: pixel correlation
    max_norm                relu(p - min - eps) / (max - min + eps)  SEAM, AEFT: losses
    scale_min_max_less_eps  (p - min - eps) / (max - min + eps)      SEAM: inference
    scale_min_max           (maps - min) / (max - min)               EADER: attention, inference
"""

from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.io.labels import label_ids
from wsss.ops.resize import resize_bilinear

FLOOR = 1e-5
"""Score of the background beside maps that are 0 below a threshold (EADER).

Source: docs/methods/eader.md 12.
"""

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


def scale_min_max(maps: Maps) -> Maps:
    """Scale each map to [0, 1]: `(maps - min) / (max - min)`, without an epsilon.

    Attention and inference of EADER (`attention_map_wrapper.py`; docs/methods/eader.md 5.1,
    step 5). A constant map becomes zeros; gradients flow through both extremes.

    Args:
        maps: Signed maps (..., H, W), array or tensor; may hold no map at all.

    Returns:
        Maps of the same shape and kind, in [0, 1].
    """
    if isinstance(maps, Tensor):
        shifted = maps - maps.amin((-2, -1), keepdim=True)
        top = shifted.amax((-2, -1), keepdim=True)
        return shifted / top.where(top != 0, 1.0)
    shifted = maps - maps.min(axis=(-2, -1), keepdims=True)
    top = shifted.max(axis=(-2, -1), keepdims=True)
    return shifted / np.where(top != 0, top, top.dtype.type(1))


def upsample_cam(cam: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring stored maps to the size of their image, bilinearly (`align_corners=False`).

    Args:
        cam: Maps of the classes present (K, h, w), any floating type; K may be 0.
        size: Height and width of the image, pixels.

    Returns:
        Maps (K, H, W) float32.
    """
    height, width = (int(side) for side in size)
    if not len(cam):
        return np.zeros((0, height, width), dtype=np.float32)
    maps = torch.from_numpy(cam.astype(np.float32))
    return resize_bilinear(maps[None], (height, width))[0].numpy()


def background_score(cam: np.ndarray, alpha: float) -> np.ndarray:
    """Score the background where no class is active: `(1 - max_k cam_k) ^ alpha`.

    Equation 1 of Ahn & Kwak (CVPR 2018). A larger alpha means a weaker background.

    Args:
        cam: Normalised maps of the classes present (K, H, W), in [0, 1].
        alpha: Exponent > 0.

    Returns:
        Scores in [0, 1] (H, W) float32; ones where K = 0.
    """
    strongest = cam.astype(np.float32, copy=False).max(axis=0, initial=0.0)
    return (1.0 - strongest) ** np.float32(alpha)


def seed_labels(cam: np.ndarray, classes: np.ndarray, threshold: float) -> np.ndarray:
    """Label each pixel with its strongest class, where that exceeds a constant background.

    The argmax of `[threshold, cam_0, ...]`; ties go to the background, then to the lower class
    (PSA `infer_cls.py`, SEAM `evaluation.py`).

    Args:
        cam: Normalised maps of the classes present (K, H, W).
        classes: Their ids (K,), ascending.
        threshold: Score of the background.

    Returns:
        Label map (H, W) uint8.
    """
    scores = cam.astype(np.float32, copy=False)
    constant = np.full((1, *scores.shape[1:]), threshold, dtype=np.float32)
    return label_ids(classes)[np.concatenate([constant, scores]).argmax(axis=0)]


def fixed_seed(cam: np.ndarray, classes: np.ndarray, threshold: float) -> np.ndarray:
    """Label each pixel with its strongest class, where that reaches a fixed threshold.

    The rule of EADER's evaluation (docs/methods/eader.md 12): values below the threshold are set to
    0, then the strongest of the maps and a background of `FLOOR` wins. A map at the threshold thus
    counts as foreground, while in `seed_labels` it has to exceed it. Compared in float32.

    Args:
        cam: Normalised maps of the classes present (K, H, W).
        classes: Their ids (K,), ascending.
        threshold: Least value of the foreground.

    Returns:
        Label map (H, W) uint8.
    """
    scores = cam.astype(np.float32, copy=False)
    kept = np.where(scores >= np.float32(threshold), scores, np.float32(0))
    return seed_labels(kept, classes, FLOOR)
