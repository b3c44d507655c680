"""Photographs of PASCAL VOC with their masks, for the benchmarks that need real ones."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.row import MissingError

ROOT = Path(__file__).parents[1]


def folder() -> Path:
    """Return the folder `voc-mini` of the one that WSSS_SHARED names, laid out as PASCAL VOC.

    Raises:
        MissingError: it holds no photographs.
    """
    found = ROOT / os.environ.get("WSSS_SHARED", "../shared") / "voc-mini"
    if not any((found / "JPEGImages").glob("*.jpg")):
        raise MissingError(f"no photographs in {found}: set WSSS_SHARED to another folder")
    return found


def photographs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield photographs (H, W, 3) uint8 with their masks (H, W) uint8.

    Raises:
        MissingError: as `folder`.
    """
    root = folder()
    for file in sorted((root / "JPEGImages").glob("*.jpg")):
        mask = root / "SegmentationClass" / f"{file.stem}.png"
        yield np.array(Image.open(file).convert("RGB")), np.array(Image.open(mask))


def with_classes(classes: int, images: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return so many photographs, or all there are, with so many classes."""
    found = []
    for image, mask in photographs():
        if len(np.setdiff1d(mask, (0, 255))) == classes:
            found.append((image, mask))
        if len(found) == images:
            break
    return found
