"""Soft erasing of what a map attends to (Stammes et al. 2020, EADER's ``utils.py``)."""

import torch
from torch import Tensor


def soft_mask(maps: Tensor, omega: float = 100.0, sigma: float = 0.5) -> Tensor:
    """Turn attention into a nearly binary mask: ``sigmoid(omega (a - sigma))``.

    Source: docs/methods/eader.md 6.

    Args:
        maps: Attention in [0, 1], any shape.
        omega: Steepness.
        sigma: Attention at which half is masked.

    Returns:
        Mask of the same shape, float32, in [0, 1].
    """
    return torch.sigmoid(omega * (maps.float() - sigma))


def erase(images: Tensor, mask: Tensor) -> Tensor:
    """Erase what is masked: ``x (1 - m)``, docs/methods/eader.md 6.

    Args:
        images: (N, 3, H, W), normalised; an erased pixel gets the mean colour, 0.
        mask: (N, 1, H, W) in [0, 1].

    Returns:
        (N, 3, H, W) erased images.
    """
    return images * (1.0 - mask)
