"""Losses of segmentation."""

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits: Tensor, labels: Tensor, ignore: int = 255) -> Tensor:
    """Mean cross entropy over the labelled pixels of the batch.

    Args:
        logits: Label scores before the softmax (B, L, H, W).
        labels: Labels (B, H, W) int64.
        ignore: Label of the pixels that do not count.

    Returns:
        Scalar >= 0; 0, still differentiable, if no pixel is labelled.
    """
    total = F.cross_entropy(logits, labels, ignore_index=ignore, reduction="sum")
    return total / (labels != ignore).sum().clamp(min=1)
