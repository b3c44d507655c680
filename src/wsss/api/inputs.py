"""Images in every form that the Python interface takes, and the device of a network."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar, cast

import numpy as np
import torch
from PIL import Image

from wsss.data.unusual import warn_dim
from wsss.errors import UserError
from wsss.io.images import decode, from_pillow

Picture = str | os.PathLike[str] | Image.Image | np.ndarray
"""An image: its path, a Pillow image, or an array (H, W, 3) uint8 RGB."""

T = TypeVar("T")

_REMEDIES = {
    "f": "for values of 0 to 1: (255 * image).round().astype('uint8')",
    "u": "for 16 bits: (image // 257).astype('uint8')",
    "b": "for a mask: 255 * image.astype('uint8')",
}
"""Remedy for an array by the kind of its type."""


class Lazy(Generic[T]):
    """Results of several images, in their order, each computed when it is asked for.

    A loop keeps no result but its current one, and every loop computes anew.

    Args:
        count: number of images.
        start: starts a loop over the results.
    """

    def __init__(self, count: int, start: Callable[[], Iterator[T]]) -> None:
        self._count, self._start = count, start

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        """Yield the results.

        Raises:
            UserError: an image cannot be read, at its turn.
        """
        return self._start()

    def __repr__(self) -> str:
        return f"<results of {len(self)} images, computed one by one in a loop over them>"


def name_of(picture: Picture) -> str:
    """Return the name of an image: its path, or what it is."""
    if isinstance(picture, str | os.PathLike):
        return os.fspath(picture)
    if isinstance(picture, Image.Image):
        return getattr(picture, "filename", "") or "image"
    return "array"


def pixels_of(picture: Picture, limit: int, white: int) -> np.ndarray:
    """Return an image as (H, W, 3) uint8 RGB, upright.

    Args:
        picture: the image.
        limit: maximum number of pixels.
        white: white of 16-bit samples of a file.

    Raises:
        UserError: it cannot be read, is too large, or is an array of another shape or type.
    """
    if isinstance(picture, str | os.PathLike):
        found = decode(Path(picture), limit, white)
        warn_dim({Path(picture): found.dim}, "the option white =")
        return found.pixels
    if isinstance(picture, Image.Image):
        _refuse_large(picture.height, picture.width, limit)
        return from_pillow(picture, name_of(picture))
    if not isinstance(picture, np.ndarray):
        raise UserError(
            f"{type(picture).__name__}: no image; give a path, a Pillow image, an array "
            "(H, W, 3) uint8, a list of these, or a folder"
        )
    if picture.dtype != np.uint8:
        remedy = _REMEDIES.get(picture.dtype.kind, "convert it")
        raise UserError(f"array of {picture.dtype}: expected uint8, 0 to 255; {remedy}")
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        advice = "; np.stack([image] * 3, axis=-1) for a grey one" if picture.ndim == 2 else ""
        if picture.shape[2:] == (4,):
            advice = "; image[..., :3] leaves the alpha channel out"
        raise UserError(f"array of shape {picture.shape}: expected (H, W, 3), RGB{advice}")
    _refuse_large(picture.shape[0], picture.shape[1], limit)
    # views of other libraries, such as np.asarray(image), are read-only, which PyTorch warns of
    return np.require(picture, requirements=["C", "W"])


def _refuse_large(height: int, width: int, limit: int) -> None:
    if height * width > limit:
        raise UserError(
            f"image of {width} x {height} pixels, more than {limit} in all; scale it down, or cut "
            "it into tiles: wsss.load(..., tile=1024)"
        )


def folder_of(picture: object) -> Path | None:
    """Return the folder of images that something names; None if it names none."""
    if isinstance(picture, str | os.PathLike):
        path = Path(cast("str | os.PathLike[str]", picture))
        return path if path.is_dir() else None
    return None


def device_of(name: str | None) -> torch.device:
    """Return a device by its name; None = the best one: a GPU, Apple's, or the CPU.

    Raises:
        UserError: there is no such device.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.device("mps" if name == "cpu" and torch.backends.mps.is_available() else name)
    try:
        where = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"device {name!r}: expected cuda, cuda:1, mps or cpu") from error
    count = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if where.type != "cpu" and (where.index or 0) >= count.get(where.type, 0):
        raise UserError(f"device {name!r}: there is none on this machine; leave device out")
    return where
