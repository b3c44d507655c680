"""Edges of images, and how much maps change from pixel to pixel."""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def wrapped_bytes(image: Tensor) -> np.ndarray:
    """Cast a normalised image to bytes as C does on x86: truncate, then wrap modulo 256.

    This is what SB hands to Canny (docs/methods/sb.md 2.2 and 10, note 2). Elsewhere a cast of
    negative numbers is undefined, hence the detour by integers.

    Args:
        image: (B, 3, H, W) normalised RGB.

    Returns:
        (B, H, W, 3) uint8; of ImageNet's normalisation only 0, 1, 2, 254 and 255 occur.
    """
    whole = image.detach().float().cpu().to(torch.int32)
    return (whole % 256).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def canny(image: Tensor, low: float = 10, high: float = 100) -> Tensor:
    """Find the edges that SB feeds to its boundary branch (OpenCV's Canny on `wrapped_bytes`).

    Args:
        image: (B, 3, H, W) normalised RGB.
        low: Lower threshold (docs/methods/sb.md 2.2).
        high: Upper threshold.

    Returns:
        (B, 1, H, W) float32 of 0 and 255, on the device of the image.
    """
    edges = np.stack([cv2.Canny(pixels, low, high) for pixels in wrapped_bytes(image)])
    return torch.from_numpy(edges)[:, None].to(image.device, torch.float32)


def derivatives(maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Filter each map on its own with the Sobel operators and the 8-neighbour Laplacian.

    `[-1 0 1; -2 0 2; -1 0 1]`, its transpose, and 8 in the centre of -1; zeros surround the maps
    and nothing is normalised (SB, `smoothness/__init__.py`; docs/methods/sb.md 4). Sums of shifted
    maps: less than half the time of a convolution on CPU, and no TF32 on GPU.

    Args:
        maps: (B, D, H, W) float32.

    Returns:
        Horizontal and vertical gradient and Laplacian, each (B, D, H, W).
    """
    padded = F.pad(maps, (1, 1, 1, 1))
    right = padded[..., 2:] - padded[..., :-2]
    down = padded[..., 2:, :] - padded[..., :-2, :]
    rows = padded[..., :-2, :] + padded[..., 1:-1, :] + padded[..., 2:, :]
    dx = right[..., :-2, :] + 2 * right[..., 1:-1, :] + right[..., 2:, :]
    dy = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    return dx, dy, 9 * maps - rows[..., :-2] - rows[..., 1:-1] - rows[..., 2:]
