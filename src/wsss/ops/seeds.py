"""From class activation maps to seeds: size of the image, background scores and label maps."""

import cv2
import numpy as np

from wsss.io.labels import label_ids

FLOOR = 1e-5
"""Score of the background beside maps that are 0 below a threshold (EADER).

Source: docs/methods/eader.md 12.
"""


def upsample_cam(cam: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring stored maps to the size of their image, bilinearly (`align_corners=False`).

    Args:
        cam: Maps of the classes present (K, h, w), any floating type; K may be 0.
        size: Height and width of the image, pixels.

    Returns:
        Maps (K, H, W) float32.
    """
    height, width = (int(side) for side in size)
    out = np.empty((len(cam), height, width), np.float32)
    for target, one in zip(out, cam.astype(np.float32), strict=True):
        cv2.resize(one, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)
    return out


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
