"""Maps of a user in `.npy` files: an array (channels, height, width) per image.

They are floating point in [0, 1] or, four times smaller on disk, uint8 from 0 to 255.
"""

from pathlib import Path
from tokenize import TokenError

import numpy as np


def open_maps(path: Path) -> np.ndarray:
    """Return maps without reading them yet; nothing is unpickled, nor allocated as a header says.

    Raises:
        FileNotFoundError: there is no such file.
        OSError, ValueError, SyntaxError, TokenError: it is no array of numbers.
    """
    return np.lib.format.open_memmap(path, mode="r")


def read_floats(path: Path, channels: list[int]) -> np.ndarray:
    """Read some channels of maps without a `maps_problem`, as float32 in [0, 1]."""
    maps = open_maps(path)[channels]
    return maps.astype(np.float32) / 255 if maps.dtype == np.uint8 else maps.astype(np.float32)


def maps_problem(path: Path, channels: int, order: str, size: tuple[int, int]) -> str:
    """Return why maps cannot be used, with their path; empty if they can.

    Args:
        path: the file.
        channels: number of channels that it must have.
        order: order of the channels in words.
        size: (H, W) of the image, whose proportions the maps must have.
    """
    try:
        maps = open_maps(path)
    except FileNotFoundError:
        return f"{path}: no such file; there must be one for every image"
    except (OSError, ValueError, SyntaxError, TokenError):
        return f"{path}: not a .npy array of numbers"
    if maps.ndim != 3 or len(maps) != channels or not maps.size:
        return f"{path}: is {maps.shape}, expected ({channels}, height, width), {order}"
    if maps.dtype == np.uint8:
        if maps.max() == 1:
            return f"{path}: holds only 0 and 1 of 0..255; multiply by 255"
    elif maps.dtype.kind != "f":
        return f"{path}: holds {maps.dtype}, expected floating point or uint8"
    elif not np.isfinite(maps).all():
        return f"{path}: holds NaN or infinity"
    elif maps.min() < 0 or maps.max() > 1:
        found = f"{maps.min():g} to {maps.max():g}"
        return f"{path}: holds {found}, expected scores in [0, 1]; scale them, or take a softmax"
    return proportions_problem(path, maps.shape[1:], size)


def proportions_problem(path: Path, given: tuple[int, ...], size: tuple[int, int]) -> str:
    """Return why maps of the size `given` are not those of an image of (H, W); empty if they are.

    Sides of smaller maps may be rounded up or down.
    """
    height, width = size
    if abs(given[0] * width - given[1] * height) > max(height, width):
        shown, wanted = (f"{w} x {h}" for h, w in (given, size))
        return f"{path}: is {shown} pixels, its image {wanted}; keep the proportions"
    return ""
