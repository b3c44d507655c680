"""Masks painted on their photographs, with a legend."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from wsss.io.labels import IGNORE
from wsss.report.legend import with_legend
from wsss.report.panels import assign, paint_labels

OVERLAY_SIDE = 2000
"""Longest side of an overlay in pixels."""

_QUALITY = 90


def overlay(labels: np.ndarray, image: np.ndarray, names: Sequence[str]) -> Image.Image:
    """Paint a label map on its image, no side longer than `OVERLAY_SIDE`, above a legend.

    Args:
        labels: (H, W) uint8.
        image: (H, W, 3) uint8 RGB.
        names: names of the labels.
    """
    found = set(np.unique(labels).tolist()) - {0, IGNORE}
    colours = assign(label - 1 for label in sorted(found))
    entries = [(names[number + 1], colour) for number, colour in colours.items()]
    return with_legend(paint_labels(labels, smaller(image), colours), entries)


def encoded(
    labels: np.ndarray, image: np.ndarray, names: Sequence[str], form: str = "JPEG"
) -> bytes:
    """Return the file of an `overlay` in a format of Pillow."""
    buffer = io.BytesIO()
    overlay(labels, image, names).save(buffer, form, quality=_QUALITY)
    return buffer.getvalue()


def smaller(image: np.ndarray) -> np.ndarray:
    """Return an image (H, W, 3) uint8, scaled down if a side is longer than `OVERLAY_SIDE`."""
    height, width = image.shape[:2]
    scale = OVERLAY_SIDE / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
