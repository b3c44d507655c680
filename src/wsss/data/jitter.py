"""Colour jitter of 8-bit images, with tables and OpenCV.

Source: torchvision `ColorJitter` on Pillow images, as PSA uses it. Brightness and contrast are
equal to it, saturation is within a grey level, hue within a few: Pillow rounds hue and saturation
down where OpenCV rounds to the nearest.
"""

import random
from collections.abc import Callable

import cv2
import numpy as np

Jitter = tuple[float, float, float, float]
"""Strength of brightness, contrast, saturation and hue jitter."""

_GREY = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in the grey of ITU-R 601-2, as in Pillow."""


def colour_jitter(image: np.ndarray, rng: random.Random, strength: Jitter) -> np.ndarray:
    """Change brightness, contrast, saturation and hue, in random order.

    The three factors are uniform in [max(0, 1 - s), 1 + s], the hue shift uniform in [-s, s]
    turns of the colour circle.

    Args:
        image: (H, W, 3) uint8 RGB.
        rng: random generator.
        strength: s of each property; 0 leaves that property unchanged.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    *factors, turn = strength
    # changes with their amounts
    steps: list[tuple[Callable[[np.ndarray, float], np.ndarray], float]] = [
        (change, rng.uniform(max(0.0, 1 - s), 1 + s))
        for change, s in zip((brightness, contrast, saturation), factors, strict=True)
        if s > 0
    ]
    if turn > 0:
        steps.append((hue, rng.uniform(-turn, turn)))
    rng.shuffle(steps)
    # applied in random order
    for change, amount in steps:
        image = change(image, amount)
    return image


def brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply by `factor`."""
    return _away_from(0, image, factor)


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the distance to the mean grey of the image, an integer, by `factor`."""
    mean = cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0]
    return _away_from(int(mean + 0.5), image, factor)


def saturation(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the distance of every pixel to its grey by `factor`."""
    matrix = factor * np.eye(3) + (1 - factor) * _GREY
    # Pillow cuts the fraction off, OpenCV rounds; a little less than a half keeps greys unchanged
    cut = np.full((3, 1), -0.45)
    return cv2.transform(image, np.hstack([matrix, cut]))


def hue(image: np.ndarray, turn: float) -> np.ndarray:
    """Turn the hue by `turn` of the circle, in steps of 1/255 towards 0."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    # modulo 256
    hsv[..., 0] += np.uint8(int(turn * 255) % 256)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)


def _away_from(level: int, image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the distance to `level` by `factor`; fractions are cut off, as in Pillow."""
    levels = level + np.float32(factor) * (np.arange(256, dtype=np.float32) - level)
    return cv2.LUT(image, levels.clip(0, 255).astype(np.uint8))
