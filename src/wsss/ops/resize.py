"""Resizing of maps."""

import torch.nn.functional as F
from torch import Tensor


def plane(x: Tensor) -> tuple[int, int]:
    """Return the height and width of images or maps (B, D, H, W)."""
    height, width = x.shape[2:]
    return height, width


def small_copy(image: Tensor, scale: float) -> Tensor:
    """Scale images (B, 3, H, W) down; sides are rounded down, align_corners True.

    Source: docs/methods/seam.md 3.
    """
    height, width = (max(1, int(side * scale)) for side in image.shape[2:])
    return resize_bilinear(image, (height, width), align_corners=True)


def resize_bilinear(x: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """Resize maps bilinearly, without antialiasing.

    The published inference code resizes with `align_corners=False`, some published networks with
    `True`; agreement with their numbers hangs on it.

    Args:
        x: Maps (B, D, H, W), floating point.
        size: Height and width wanted, in cells.
        align_corners: Whether the centres of the corner cells stay in place.

    Returns:
        Maps (B, D, size[0], size[1]).
    """
    return F.interpolate(x, size=size, mode="bilinear", align_corners=align_corners)
