"""Losses of image-level classification."""

import torch.nn.functional as F
from torch import Tensor


def multilabel_soft_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean binary cross entropy over images and classes, each class on its own.

    The loss of PSA, SEAM and IRN; equals PyTorch's `multilabel_soft_margin_loss`.

    Args:
        logits: Class scores before the sigmoid (B, C).
        labels: 1 where the image contains the class, else 0 (B, C), floating point.

    Returns:
        Scalar >= 0.
    """
    return F.binary_cross_entropy_with_logits(logits, labels)
