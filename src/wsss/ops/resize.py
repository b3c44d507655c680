"""Resizing of maps."""

import torch.nn.functional as F
from torch import Tensor


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
