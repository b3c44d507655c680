"""Image transforms: normalisation, resizing, crops.

Images are (H, W, 3) uint8 RGB until `normalise`. Random transforms take a `random.Random` of the
caller. Source of all constants and orders: jiwoon-ahn/psa `tool/imutils.py`.
"""

import math
import random
from typing import Literal

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from wsss.ops.colour import MEAN, STD

LEVELS = ((np.arange(256)[:, None] / 255 - MEAN) / STD).astype(np.float32)
"""Normalised value of every 8-bit level (256, 3), computed in float64 as the official code does."""


def normalise(image: np.ndarray) -> np.ndarray:
    """(v / 255 - mean) / std per channel.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) float32; 0 is ImageNet's mean colour.
    """
    return np.stack([LEVELS[:, c][image[..., c]] for c in range(3)], axis=-1)


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image, bicubic with antialiasing (Pillow).

    Args:
        image: (H, W, 3) uint8.
        size: new (H, W).

    Returns:
        (*size, 3) uint8; an image of that size is returned unchanged.
    """
    return _resized(image, size, Image.Resampling.BICUBIC)


def resample(
    image: np.ndarray, size: tuple[int, int], mode: Literal["bicubic", "bilinear"] = "bicubic"
) -> np.ndarray:
    """Resize an image of a training sample with antialiasing (PyTorch).

    Several times faster than Pillow and at most two grey levels from it, mostly none.

    Args:
        image: (H, W, 3) uint8.
        size: new (H, W).
        mode: interpolation.

    Returns:
        (*size, 3) uint8; an image of that size is returned unchanged.
    """
    if image.shape[:2] == size:
        return image
    pixels = torch.from_numpy(np.ascontiguousarray(image)[None]).permute(0, 3, 1, 2)
    resized = F.interpolate(pixels, size=size, mode=mode, antialias=True)
    # PyTorch returns planes; OpenCV interleaves them many times faster than NumPy
    return cv2.merge([*resized[0].numpy()])


def chw(pixels: np.ndarray) -> torch.Tensor:
    """Convert pixels (H, W, 3) to a tensor (3, H, W)."""
    planes = np.empty((3, *pixels.shape[:2]), pixels.dtype)
    cv2.split(pixels, list(planes))
    return torch.from_numpy(planes)


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a label map (H, W) uint8 to `size` by nearest neighbour (Pillow)."""
    return _resized(labels, size, Image.Resampling.NEAREST)


def resize_maps(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize maps one by one, bicubic with antialiasing (Pillow) and without overshoot.

    SB takes scikit-image's cubic `resize`; its antialiasing depends on its version
    (docs/methods/sb.md 3).

    Args:
        maps: (D, H, W) uint8, 255 = 1.
        size: new (H, W).

    Returns:
        (*size, D) uint8.
    """
    return np.stack([_resized(m, size, Image.Resampling.BICUBIC) for m in maps], axis=-1)


def with_long_side(size: tuple[int, int], long: int) -> tuple[int, int]:
    """Size (H, W) with the longer side `long` and the same aspect ratio.

    The shorter side is rounded half to even (PSA `RandomResizeLong`), and at least 1.
    """
    return _side(size[0] * long / max(size)), _side(size[1] * long / max(size))


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Size (H, W) times `scale`, each side rounded half to even and at least 1."""
    return _side(size[0] * scale), _side(size[1] * scale)


def flip(array: np.ndarray) -> np.ndarray:
    """Mirror (H, W) or (H, W, C) left to right."""
    return cv2.flip(array, 1)


def area_window(
    size: tuple[int, int], fraction: tuple[float, float], rng: random.Random
) -> tuple[int, int, int, int]:
    """Sample a window of random area and aspect ratio.

    The fraction of the area is uniform, the ratio of width to height log-uniform in [3/4, 4/3]; ten
    tries, then the largest central window within these ratios (torchvision `RandomResizedCrop`,
    used by EADER).

    Args:
        size: (H, W) of the image.
        fraction: smallest and largest fraction of its area.
        rng: random generator.

    Returns:
        (top, left, height, width), inside the image.
    """
    height, width = size
    for _ in range(10):
        area = height * width * rng.uniform(*fraction)
        ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        h, w = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
        if 0 < h <= height and 0 < w <= width:
            return rng.randrange(height - h + 1), rng.randrange(width - w + 1), h, w
    h, w = min(height, round(width / (3 / 4))), min(width, round(height * (4 / 3)))
    h, w = max(1, h), max(1, w)
    return (height - h) // 2, (width - w) // 2, h, w


def cut_area(image: np.ndarray, window: tuple[int, int, int, int], side: int) -> np.ndarray:
    """Crop a window and resize it to a square, bilinear with antialiasing.

    Args:
        image: (H, W, 3) uint8.
        window: (top, left, height, width), see `area_window`.
        side: S.

    Returns:
        (S, S, 3) uint8.
    """
    top, left, height, width = window
    part = image[top : top + height, left : left + width]
    return resample(part, (side, side), "bilinear")


def crop_window(size: tuple[int, int], crop: int, rng: random.Random) -> tuple[int, int]:
    """Sample the position of a square crop, horizontal first (PSA `RandomCrop`).

    Args:
        size: (H, W) of the image.
        crop: side S of the crop.
        rng: random generator.

    Returns:
        (top, left), per axis: the offset of the crop in the image, uniform in [0, size - S], if
        the image is larger; else the offset of the image in the crop, uniform in [0, S - size].
    """
    left = rng.randrange(abs(size[1] - crop) + 1)
    return rng.randrange(abs(size[0] - crop) + 1), left


def crop(array: np.ndarray, side: int, offsets: tuple[int, int], fill: float = 0) -> np.ndarray:
    """Crop an array to a square; smaller arrays are padded.

    Args:
        array: (H, W, ...).
        side: S.
        offsets: (top, left), see `crop_window`.
        fill: value around a smaller array.

    Returns:
        (S, S, ...) of the same type, contiguous.
    """
    canvas = np.full((side, side, *array.shape[2:]), fill, array.dtype)
    pairs = [_slices(n, side, at) for n, at in zip(array.shape[:2], offsets, strict=True)]
    (to_rows, from_rows), (to_columns, from_columns) = pairs
    canvas[to_rows, to_columns] = array[from_rows, from_columns]
    return canvas


def covered(
    size: tuple[int, int], side: int, offsets: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Part of a crop that the array covers: top, left, bottom and right.

    Args:
        size: (H, W) of the array.
        side: S.
        offsets: see `crop_window`.
    """
    rows, columns = (_slices(n, side, at)[0] for n, at in zip(size, offsets, strict=True))
    (top, bottom, _), (left, right, _) = rows.indices(side), columns.indices(side)
    return top, left, bottom, right


def _resized(array: np.ndarray, size: tuple[int, int], filter_: Image.Resampling) -> np.ndarray:
    if array.shape[:2] == size:
        return array
    return np.asarray(Image.fromarray(array).resize((size[1], size[0]), filter_))


def _side(length: float) -> int:
    return max(1, round(length))


def _slices(length: int, side: int, offset: int) -> tuple[slice, slice]:
    """Slices of the canvas of `side` pixels and of the array of `length` pixels that fill it."""
    if length > side:
        return slice(None), slice(offset, offset + side)
    return slice(offset, offset + length), slice(None)
