"""From the 8-bit pixels of a sample to the input of a network, on the device of the training."""

from functools import cache

import torch
from torch import Tensor

from wsss.data.loaders import Sample
from wsss.data.transforms import LEVELS


def network_input(batch: Sample) -> Sample:
    """Normalise the images of a batch; what is around them becomes the mean colour.

    Args:
        batch: `image` (B, 3, S, S) uint8 RGB, or floating point, which is left as it is;
            `inside` (B, 4), if there is one: top, left, bottom and right of the part of a crop that
            shows the image.

    Returns:
        The batch with `image` (B, 3, S, S) float32, normalised, and without `inside`.
    """
    if "image" not in batch or batch["image"].dtype != torch.uint8:
        return batch
    pixels = normalised(batch["image"])
    if "inside" in batch:
        pixels = pixels * _mask(batch["inside"], pixels.shape[-1])
    return {name: value for name, value in batch.items() if name != "inside"} | {"image": pixels}


def normalised(image: Tensor) -> Tensor:
    """Compute (v / 255 - mean) / std per channel, as `transforms.normalise` does.

    Args:
        image: (B, 3, H, W) uint8 RGB.

    Returns:
        (B, 3, H, W) float32.
    """
    planes = [
        levels.index_select(0, image[:, channel].flatten().int())
        for channel, levels in enumerate(_levels(image.device))
    ]
    batch, _, height, width = image.shape
    return torch.stack([plane.view(batch, height, width) for plane in planes], dim=1)


@cache
def _levels(device: torch.device) -> tuple[Tensor, ...]:
    """Return the normalised value of every level of each channel, (256,)."""
    return tuple(torch.from_numpy(LEVELS.T.copy()).to(device))


def _mask(inside: Tensor, side: int) -> Tensor:
    """Return 1 inside and 0 outside the given rectangles, (B, 1, S, S)."""
    at = torch.arange(side, device=inside.device)
    top, left, bottom, right = inside[:, :, None].unbind(dim=1)
    rows, columns = (at >= top) & (at < bottom), (at >= left) & (at < right)
    return (rows[:, None, :, None] & columns[:, None, None, :]).float()
