"""Scaled copies of an image for multi-scale inference."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.data.pixels import normalised
from wsss.data.transforms import chw, normalise, resize, scaled


class Scaled(NamedTuple):
    """An image and its scaled copies.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        copies: per scale (1, 3, h, w) uint8 RGB, or float32 normalised; in pinned memory if there
            is a GPU.
    """

    image: np.ndarray
    copies: list[Tensor]

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the image."""
        height, width = self.image.shape[:2]
        return height, width


def scaled_copies(image: np.ndarray, scales: Sequence[float], resampling: str) -> Scaled:
    """Scale an image for the device of inference.

    Args:
        image: (H, W, 3) uint8 RGB.
        scales: factors on the image's size.
        resampling: `pillow` scales the image to (round(H s), round(W s)), half to even, bicubic
            with antialiasing (docs/methods/common.md 5); `torch` does so four times faster, at most
            two grey levels from it; `opencv` scales the normalised pixels, bicubic without
            antialiasing (docs/methods/retrain.md A4).
    """
    pinned = torch.cuda.is_available()
    copies = (_scaled(image, scale, resampling) for scale in scales)
    return Scaled(image, [copy.pin_memory() if pinned else copy for copy in copies])


def _scaled(image: np.ndarray, scale: float, resampling: str) -> Tensor:
    size = scaled(image.shape[:2], scale)
    if resampling == "torch" and image.shape[:2] != size:
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
        return F.interpolate(pixels, size=size, mode="bicubic", antialias=True)
    if resampling == "opencv":
        return chw(opencv_scaled(normalise(image), scale, cv2.INTER_CUBIC))[None]
    return chw(resize(image, size))[None]


def views(copies: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
    """Yield scaled copies of an image on a device, (1, 3, h, w) float32 normalised."""
    for copy in copies:
        here = copy.to(device, non_blocking=True)
        yield normalised(here) if here.dtype == torch.uint8 else here


def opencv_scaled(array: np.ndarray, factor: float, interpolation: int) -> np.ndarray:
    """Resize (H, W, ...) by a factor with OpenCV: without antialiasing, on the factor's grid."""
    array = np.ascontiguousarray(array)
    if min(array.shape[:2]) * factor <= 0.5:  # OpenCV refuses sides of 0 pixels
        height, width = scaled(array.shape[:2], factor)
        return cv2.resize(array, (width, height), interpolation=interpolation)
    return cv2.resize(array, None, fx=factor, fy=factor, interpolation=interpolation)
