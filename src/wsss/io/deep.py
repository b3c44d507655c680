"""Samples of 16 bits in colour images, of which Pillow keeps the high byte alone."""

import re
import sys

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

_COLOURS = re.compile(r"(RGB|RGBX);16([LBN])")
"""Raw modes of Pillow that take the high byte of little-endian, big-endian or native samples."""
_LOW = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
"""Byte order by which the same raw mode takes the low byte."""


def load_low_bytes(image: Image.Image, raw: str) -> bool:
    """Load the low bytes of the 16-bit colours of an opened, not yet loaded image.

    Args:
        image: the image.
        raw: layout of its samples, see `layouts.raw_mode`.

    Returns:
        False, with nothing loaded, if the samples are of another layout.
    """
    found = _COLOURS.fullmatch(raw)
    if found is None or not isinstance(image, ImageFile):
        return False
    swapped = f"{found[1]};16{_LOW[found[2]]}"
    image.tile = [tile._replace(args=_replaced(tile.args, swapped)) for tile in image.tile]
    image.load()
    return True


def to_bytes(samples: np.ndarray, white: int) -> np.ndarray:
    """Scale samples of 0..white to uint8: 256 v / (white + 1), rounded down.

    Of samples that use all 16 bits this is the high byte.
    """
    return (samples.astype(np.uint32) * 256 // (white + 1)).astype(np.uint8)


def _replaced(args: tuple[object, ...] | str | None, raw: str) -> tuple[object, ...] | str:
    return (raw, *args[1:]) if isinstance(args, tuple) else raw
