"""Labels that are taken for one another, from the confusion matrix of an evaluation."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup, escape

from wsss.report.tables import percent

MOST = 12
"""Largest number of confusions in the list."""

NAMED = 30
"""Largest number of labels whose names stand beside the matrix."""

LEAST = 0.005
"""Share of the pixels of a label below which a cell of the matrix is left blank."""

_LARGEST, _SMALLEST, _SIDE, _NAMES = 28, 6, 480, 100
"""Sides of a cell, of the cells together if they fit, and of the names, pixels."""


class Confusion(NamedTuple):
    """Pixels of one label that are taken for another one.

    Attributes:
        true: label in the masks.
        predicted: label that is predicted.
        share: share of the pixels of the true label, in per cent.
        pixels: share of all pixels, in per cent.
    """

    true: str
    predicted: str
    share: str
    pixels: str


def top(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> list[Confusion]:
    """Return the confusions with the most pixels, at most `MOST`.

    Args:
        confusion: pixels (L, L), rows true.
        names: the L labels, background first.
    """
    pixels = np.array(confusion, np.int64)
    wrong = pixels * (1 - np.eye(len(pixels), dtype=np.int64))
    rows, columns = np.unravel_index(np.argsort(-wrong, axis=None, kind="stable"), wrong.shape)
    shares, all_pixels = _shares(pixels), max(int(pixels.sum()), 1)
    return [
        Confusion(
            names[i], names[j], percent(float(shares[i, j])), percent(int(wrong[i, j]) / all_pixels)
        )
        for i, j in zip(rows[:MOST].tolist(), columns[:MOST].tolist(), strict=True)
        if wrong[i, j]
    ]


def _shares(pixels: np.ndarray) -> np.ndarray:
    """Return the shares (L, L) of the pixels of each true label; 0 for a label without any."""
    shares: np.ndarray = pixels / pixels.sum(1, keepdims=True).clip(1)
    return shares


def matrix(confusion: Sequence[Sequence[int]], names: Sequence[str], title: str) -> Markup:
    """Draw the shares of the pixels of each true label (row) by predicted label (column).

    The opacity of a cell is the square root of its share, so that rare confusions are seen. Up to
    `NAMED` labels are named; every cell says in words what it is when it is pointed at.

    Args:
        confusion: pixels (L, L), rows true.
        names: the L labels, background first.
        title: the chart in words, for those who do not see it.

    Returns:
        An `<svg>` element.
    """
    shares = _shares(np.array(confusion, np.int64))
    left = _NAMES if len(names) <= NAMED else 2
    cell = max(_SMALLEST, min(_LARGEST, _SIDE // len(names)))
    side = left + cell * len(names)
    parts = [
        f'<svg class="matrix" role="img" aria-label="{escape(title)}" viewBox="0 0 {side} {side}"'
        f' style="width:{side}px">',
        f'<rect class="frame" x="{left}" y="{left}" width="{side - left}" height="{side - left}"/>',
        *(_cells(shares, names, left, cell)),
        *(_labels(names, left, cell) if left == _NAMES else ()),
        "</svg>",
    ]
    return Markup("".join(parts))  # names are escaped


def _cells(shares: np.ndarray, names: Sequence[str], left: int, cell: int) -> Iterator[str]:
    for i, j in zip(*(places.tolist() for places in np.nonzero(shares >= LEAST)), strict=True):
        x, y = left + cell * j, left + cell * i
        kind, verb = ("hit", "found as") if i == j else ("miss", "taken for")
        words = escape(f"{names[i]} {verb} {names[j]}: {percent(float(shares[i, j]))} %")
        yield (
            f'<rect class="{kind}" x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}"'
            f' fill-opacity="{shares[i, j] ** 0.5:.3f}"><title>{words}</title></rect>'
        )


def _labels(names: Sequence[str], left: int, cell: int) -> Iterator[str]:
    for place, name in enumerate(names):
        middle = left + cell * place + cell // 2
        short = escape(name if len(name) <= 14 else f"{name[:13]}\N{HORIZONTAL ELLIPSIS}")
        yield f'<text x="{left - 5}" y="{middle + 4}" text-anchor="end">{short}</text>'
        yield f'<text transform="translate({middle + 4} {left - 5}) rotate(-90)">{short}</text>'
