"""Augmentation recipes of the segmenters: image and label map to a training sample.

Every recipe takes an image (H, W, 3) uint8 RGB, its labels (H, W) uint8, a random generator and a
`Frame`, and returns `{"image": (3, S, S), "label": (S, S) uint8, 255 = ignored}`. The image is
uint8, with `"inside": (4,)` where it is padded with the mean colour, or float32 and normalised, see
`wsss.data.pixels.network_input`.
Source of the published ones: docs/methods/retrain.md A3, B3, C2.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image, ImageFilter

from wsss.data.jitter import Jitter, colour_jitter
from wsss.data.loaders import Sample
from wsss.data.sets.samples import coin, flipped, framed
from wsss.data.transforms import chw, crop, crop_window, resample, resize_labels, scaled
from wsss.data.views import opencv_scaled
from wsss.io.labels import IGNORE
from wsss.ops.colour import CAFFE_MEAN, MEAN, STD


@dataclass(frozen=True)
class Frame:
    """Parameters of the recipes: side S of the crop, range of the scale, colour jitter."""

    crop: int
    scale: tuple[float, float]
    jitter: Jitter


Recipe = Callable[[np.ndarray, np.ndarray, random.Random, Frame], Sample]


def jitter(image: np.ndarray, labels: np.ndarray, rng: random.Random, frame: Frame) -> Sample:
    """Colour jitter, mirror, continuous scale (bicubic), crop.

    The recipe of DeepLab v1 with PSA's colour jitter and antialiased resizing. Smaller
    images are padded with the mean colour and IGNORE.
    """
    mirror = coin(rng)
    image = flipped(colour_jitter(image, rng, frame.jitter), mirror)
    labels = flipped(labels, mirror)
    size = scaled(image.shape[:2], rng.uniform(*frame.scale))
    window = crop_window(size, frame.crop, rng)
    labels = crop(resize_labels(labels, size), frame.crop, window, IGNORE)
    return framed(resample(image, size), frame.crop, window) | _label(labels)


def deeplab_v1(image: np.ndarray, labels: np.ndarray, rng: random.Random, frame: Frame) -> Sample:
    """HSV shift, mirror, continuous scale (OpenCV bicubic), crop.

    Source: `seamv1-pseudovoc` of YudeWang/semantic-segmentation-codebase. The shifts are integers
    from -10 to 10 of OpenCV's 8-bit H, S and V.
    """
    hue, saturation, value = (rng.randint(-10, 10) for _ in range(3))
    image = hsv_shift(image, (hue, saturation, value))
    mirror = coin(rng)
    factor = rng.uniform(*frame.scale)
    image = opencv_scaled(flipped(image, mirror), factor, cv2.INTER_CUBIC)
    labels = opencv_scaled(flipped(labels, mirror), factor, cv2.INTER_NEAREST)
    window = crop_window(image.shape[:2], frame.crop, rng)
    labels = crop(labels, frame.crop, window, IGNORE)
    return framed(image, frame.crop, window) | _label(labels)


def deeplab_v2(image: np.ndarray, labels: np.ndarray, rng: random.Random, frame: Frame) -> Sample:
    """A random multiple of 0.25 as scale (OpenCV bilinear), padding below and right, crop, mirror.

    Source: `libs/datasets/base.py` of kazuto1011/deeplab-pytorch.
    """
    steps = range(int(np.ceil(frame.scale[0] / 0.25)), int(frame.scale[1] / 0.25) + 1)
    image, labels = quarter_scaled(image, labels, 0.25 * rng.choice(steps), frame.crop)
    top, left = crop_window(labels.shape, frame.crop, rng)
    place = slice(top, top + frame.crop), slice(left, left + frame.crop)
    mirror = coin(rng)
    return _sample(flipped(image[place], mirror), flipped(labels[place], mirror))


def deeplab_v3plus(
    image: np.ndarray, labels: np.ndarray, rng: random.Random, frame: Frame
) -> Sample:
    """Mirror, a random shorter side, black padding below and right, crop, a slight blur.

    The shorter side is an integer in the range of the scale times the crop; half of the samples are
    blurred with a radius below 1. Source: `dataloaders/custom_transforms.py` of
    jfzhang95/pytorch-deeplab-xception; its padding is labelled background, ours IGNORE.
    """
    mirror = coin(rng)
    image, labels = flipped(image, mirror), flipped(labels, mirror)
    low, high = (int(frame.crop * factor) for factor in frame.scale)
    short, shorter = rng.randint(low, high), min(labels.shape)
    size = tuple(max(1, side * short // shorter) for side in labels.shape)
    picture = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
    image, labels = np.asarray(picture), resize_labels(labels, size)
    image, labels = padded(image, frame.crop, 0), padded(labels, frame.crop, IGNORE)
    window = crop_window(labels.shape, frame.crop, rng)
    image, labels = (crop(array, frame.crop, window) for array in (image, labels))
    if coin(rng):
        blur = ImageFilter.GaussianBlur(rng.random())
        image = np.asarray(Image.fromarray(image).filter(blur))
    return _sample(image, labels)


RECIPES: dict[str, Recipe] = {
    "jitter": jitter,
    "deeplab_v1": deeplab_v1,
    "deeplab_v2": deeplab_v2,
    "deeplab_v3plus": deeplab_v3plus,
}
"""The recipes by their names in the configuration."""


def _sample(image: np.ndarray, labels: np.ndarray) -> Sample:
    return {"image": chw(image)} | _label(labels)


def _label(labels: np.ndarray) -> Sample:
    return {"label": torch.from_numpy(np.ascontiguousarray(labels))}


def hsv_shift(image: np.ndarray, shift: tuple[int, int, int]) -> np.ndarray:
    """Add to hue (modulo 180), saturation and value of OpenCV's 8-bit HSV, clipped to 0-255."""
    hue, saturation, value = (
        plane.astype(np.int16) + amount
        for plane, amount in zip(
            cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV)), shift, strict=True
        )
    )
    planes = np.stack([hue % 180, saturation.clip(0, 255), value.clip(0, 255)], axis=-1)
    return cv2.cvtColor(planes.astype(np.uint8), cv2.COLOR_HSV2RGB)


def quarter_scaled(
    image: np.ndarray, labels: np.ndarray, factor: float, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scale for DeepLab v2 and pad below and right to `side` with Caffe's mean colour.

    Returns:
        Pixels (H', W', 3) float32, normalised, and labels (H', W') uint8; H', W' >= side.
    """
    height, width = (max(1, int(length * factor)) for length in labels.shape)
    grey = cv2.resize(image.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    pixels = ((grey / 255 - MEAN) / STD).astype(np.float32)
    colour = ((np.array(CAFFE_MEAN) / 255 - MEAN) / STD).astype(np.float32)
    labels = resize_labels(labels, (height, width))
    return padded(pixels, side, colour), padded(labels, side, IGNORE)


def padded(array: np.ndarray, side: int, fill: float | np.ndarray) -> np.ndarray:
    """Pad (H, W, ...) below and right so that both sides are at least `side`."""
    height, width = array.shape[:2]
    canvas = np.empty((max(height, side), max(width, side), *array.shape[2:]), array.dtype)
    canvas[:] = fill
    canvas[:height, :width] = array
    return canvas
