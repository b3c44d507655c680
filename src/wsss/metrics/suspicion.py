"""Suspicion of a pseudo label, without any mask: what in it, or about it, is likely to be wrong.

A doubt is a value from 0 to 1. The suspicion is that at least one is justified, if they were
independent probabilities: 1 - (1 - a)(1 - b)...
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from wsss.io.labels import IGNORE, label_ids
from wsss.metrics.overlap import mean_iou
from wsss.ops.regions import regions

_LITTLE = 0.01
"""Share of the image below which a class is suspiciously small."""

_LEAST = 0.0001
"""Share of the image below which its value is not told."""

_MOST = 0.9
"""Share of the image above which foreground, or what is ignored, is suspicious."""

_SURE = 0.99
"""Largest doubt that counts, so that a certain one does not hide the others."""

_TOLD = 0.1
"""Least doubt that is put into words."""


class Doubt(NamedTuple):
    """A doubt about a label map, from 0 to 1, and its reason in words."""

    value: float
    reason: str


class Stage(NamedTuple):
    """The same image at the stage before: its name in words, and its label map (H, W) uint8."""

    title: str
    labels: np.ndarray


def refined_stage(title: str, scores: Sequence[np.ndarray], classes: Sequence[int]) -> Stage:
    """Return the refined maps of an image as a stage: the labels of the highest mean score.

    Args:
        title: name of the stage.
        scores: (K + 1, H, W) of every exponent of the background, which comes first.
        classes: the K classes of the image.
    """
    labels = label_ids(np.array(classes, int))[np.mean(scores, axis=0).argmax(0)]
    return Stage(title, labels)


def undecided_share(scores: Sequence[np.ndarray]) -> float:
    """Return the share of the pixels that the first and the last exponent label differently.

    Args:
        scores: (K + 1, H, W) of every exponent of the background.
    """
    return float((scores[0].argmax(0) != scores[-1].argmax(0)).mean())


def suspicion(doubts: Sequence[Doubt]) -> float:
    """Return the suspicion of a label map, from 0 to 1."""
    return 1 - prod(1 - min(_SURE, doubt.value) for doubt in doubts)


def reasons(doubts: Sequence[Doubt]) -> list[str]:
    """Return the reasons that matter, the largest first."""
    ordered = sorted(doubts, key=lambda doubt: -doubt.value)
    return [doubt.reason for doubt in ordered if doubt.value >= _TOLD]


def doubts(
    labels: np.ndarray,
    names: Mapping[int, str],
    before: Stage | None = None,
    undecided: float | None = None,
) -> list[Doubt]:
    """Return all doubts about the label map of an image.

    Args:
        labels: (H, W) uint8; 0 = background, 255 = ignored.
        names: names of the classes of the image by label; empty = background alone.
        before: the stage before; None = not known.
        undecided: share of the pixels whose label depends on the exponent of the background; None
            = not known.
    """
    found = [*_extents(labels, names), _pieces(labels, names)]
    if len(names) > 1:
        found.append(Doubt(1 - 1 / len(names), f"{len(names)} classes in one image"))
    if before is not None:
        iou = likeness(labels, before.labels, names)
        found.append(Doubt(1 - iou, f"unlike the {before.title} (IoU {100 * iou:.0f} %)"))
    if undecided is not None:
        text = f"{100 * undecided:.0f} % of the pixels are undecided between object and background"
        found.append(Doubt(undecided, text))
    return found


def _extents(labels: np.ndarray, names: Mapping[int, str]) -> list[Doubt]:
    """Return the doubts about the areas of classes, of other classes, of everything."""
    areas = np.bincount(labels.ravel(), minlength=IGNORE + 1) / labels.size
    found = []
    for label, name in names.items():
        share = areas[label]
        amount = f"{100 * share:.2g}" if share >= _LEAST else f"less than {100 * _LEAST:g}"
        text = f"{name} covers {amount} % of the image" if share else f"no pixel of {name}"
        found.append(Doubt(max(0.0, 1 - share / _LITTLE), text))
    foreground = float(areas[1:IGNORE].sum())
    other = 1 - float(areas[list(names)].sum()) / foreground if foreground else 0.0
    text = f"{100 * other:.0f} % of the objects are not among its labels"
    found.append(Doubt(other * min(1.0, foreground / _LITTLE), text))
    for share, what in ((foreground, "object"), (float(areas[IGNORE]), "ignored")):
        excess = max(0.0, (share - _MOST) / (1 - _MOST))
        found.append(Doubt(excess, f"{100 * share:.0f} % of the image are {what}"))
    return found


def _pieces(labels: np.ndarray, names: Mapping[int, str]) -> Doubt:
    """Return the doubt about classes in pieces: their mean share outside the largest piece."""
    outside, pieces = [0.0] * len(names), 0
    for place, found in enumerate(one for one in regions(labels) if one[0].label in names):
        outside[place] = 1 - found[0].area / sum(region.area for region in found)
        pieces += len(found)
    value = float(np.mean(outside)) if names else 0.0
    return Doubt(value, f"{pieces} pieces, {100 * value:.0f} % outside the largest of their class")


def likeness(first: np.ndarray, second: np.ndarray, names: Mapping[int, str]) -> float:
    """Return the mean IoU of two label maps over the labels of an image; alike without any."""
    iou = mean_iou(first, second, list(names), absent=1.0)
    return 1.0 if iou is None else iou
