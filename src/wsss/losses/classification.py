"""Losses of image-level classification."""

import torch
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


def probability_bce(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross entropy on explicit probabilities (the classifiers of EADER, SB's edges).

    Differs from the loss on logits only where a sigmoid saturates in float32: there a logarithm
    is cut at -100, as PyTorch does since 1.2, and the gradient is 0.

    Args:
        logits: Scores before the sigmoid, any shape.
        target: What the probabilities should be, in [0, 1], of the same shape.

    Returns:
        Scalar >= 0; 0, still differentiable, if there are no scores.
    """
    with torch.autocast(logits.device.type, enabled=False):
        probability = torch.sigmoid(logits.float())
        total = F.binary_cross_entropy(probability, target.float(), reduction="sum")
    return total / max(1, logits.numel())
