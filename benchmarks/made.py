"""Inputs that the benchmarks make up: photographs, maps of two objects, labels."""

import cv2
import numpy as np

VOC = (375, 500)
"""Height and width of most photographs of PASCAL VOC."""


def photograph(seed: int, size: tuple[int, int] = VOC) -> np.ndarray:
    """Return smooth colours with grain (H, W, 3) uint8, about as hard to encode as a photograph."""
    generator = np.random.default_rng(seed)
    coarse = cv2.resize(generator.uniform(0, 255, (12, 16, 3)), size[::-1])
    grain = cv2.GaussianBlur(generator.normal(0, 40, (*size, 3)), (0, 0), 1.2)
    return (coarse + grain).clip(0, 255).astype(np.uint8)


def posteriors(seed: int, size: tuple[int, int] = VOC) -> np.ndarray:
    """Return posteriors (3, H, W) float32 of background and two discs with ragged outlines.

    They sum to 1.
    """
    height, width = size
    noise = np.random.default_rng(seed).normal(0, 3, size)
    ragged = cv2.GaussianBlur(noise, (0, 0), 3)
    rows, columns = np.mgrid[0:height, 0:width]
    radius = 0.29 * height
    far = [np.hypot(rows - height / 2, columns - width * at) / radius for at in (0.3, 0.7)]
    logits = np.stack([np.zeros(size), *(12 * (1 - one + 0.2 * ragged) for one in far)])
    likely = np.exp(logits - logits.max(0))
    return (likely / likely.sum(0)).astype(np.float32)
