"""Outlines of the regions of label maps."""

import cv2
import numpy as np

_NEIGHBOURHOOD = np.ones((3, 3), np.uint8)


def class_boundaries(labels: np.ndarray, num_labels: int) -> np.ndarray:
    """Compute the outline of every label's region, on both sides and thus two pixels wide.

    A pixel belongs to the outline of a label if its 3x3 neighbourhood holds pixels with and
    without it. The border of the image is no outline.

    Args:
        labels: Label map (H, W) of whole numbers from 0 to `num_labels` - 1.
        num_labels: Number of labels L.

    Returns:
        Truth values (L, H, W).
    """
    regions = (labels == np.arange(num_labels)[:, None, None]).astype(np.uint8)
    gradients = [cv2.morphologyEx(one, cv2.MORPH_GRADIENT, _NEIGHBOURHOOD) for one in regions]
    return np.stack(gradients) > 0
