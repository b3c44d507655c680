"""Overlap of two label maps of one image."""

from collections.abc import Sequence

import numpy as np


def mean_iou(
    first: np.ndarray, second: np.ndarray, labels: Sequence[int], absent: float
) -> float | None:
    """Return the mean IoU of two label maps over some labels; None without labels.

    Args:
        first: label map (H, W).
        second: label map (H, W).
        labels: the labels, those of the image.
        absent: IoU of a label that neither map has.
    """
    pairs = [(first == label, second == label) for label in labels]
    values = [(a & b).sum() / (a | b).sum() if (a | b).any() else absent for a, b in pairs]
    return float(np.mean(values)) if values else None
