"""Mistakes in data, and how they are told."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss.errors import UserError
from wsss.io.labels import IGNORE

SHOWN = 100
"""Problems that one error lists."""


def stop(place: Path | str, problems: Sequence[str]) -> None:
    """Raise one error that counts the problems of a place and lists them; nothing without any."""
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        rest = len(problems) - SHOWN
        more = [f"... {rest} more"] if rest > 0 else []
        raise UserError("\n".join([f"{count} in {place}:", *problems[:SHOWN], *more]))


def some(names: Sequence[str]) -> str:
    """List names, the first of many."""
    return ", ".join(names[:5]) + ", ..." * (len(names) > 5)


def misfit(labels: np.ndarray, size: tuple[int, int], num_classes: int) -> str:
    """Say why a label map (H, W) uint8 is not one of an image of this (H, W); empty if it is."""
    if labels.shape != size:
        shown, wanted = (f"{w} x {h}" for h, w in (labels.shape, size))
        return f"the mask is {shown} pixels, its image {wanted}"
    ids = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[:IGNORE])
    if ids.max(initial=0) > num_classes:
        return f"holds id {ids.max()}, but there are {num_classes} classes"
    return ""
