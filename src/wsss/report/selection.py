"""Images that deserve a look, judged without masks as `wsss review` judges pseudo labels."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from wsss.metrics import suspicion
from wsss.metrics.suspicion import Stage


class Look(NamedTuple):
    """What stands out in the last label map of an image.

    Attributes:
        suspicion: from 0 to 1.
        reasons: reasons in words, the largest first.
        disagreement: 1 minus its mean agreement with the stages before; 0 without any.
    """

    suspicion: float
    reasons: tuple[str, ...]
    disagreement: float


def look(
    labels: np.ndarray, names: Mapping[int, str], before: Sequence[Stage], undecided: float | None
) -> Look:
    """Return what stands out in a label map.

    Args:
        labels: (H, W) uint8.
        names: names of the classes of the image by label.
        before: the stages before, the nearest last.
        undecided: share of the pixels whose label depends on the exponent of the background; None
            = not known.
    """
    doubts = suspicion.doubts(labels, names, before[-1] if before else None, undecided)
    alike = [suspicion.likeness(labels, stage.labels, names) for stage in before]
    return Look(
        suspicion=suspicion.suspicion(doubts),
        reasons=tuple(suspicion.reasons(doubts)),
        disagreement=1 - fmean(alike) if alike else 0.0,
    )


def suspicious(looks: Mapping[str, Look], count: int) -> list[str]:
    """Return the ids of at most `count` images with a reason, the most suspicious first."""
    found = [name for name, one in looks.items() if one.reasons]
    return sorted(found, key=lambda name: (-looks[name].suspicion, name))[:count]


def disagreeing(looks: Mapping[str, Look], count: int) -> list[str]:
    """Return the ids of at most `count` images whose stages differ, the most different first."""
    found = [name for name, one in looks.items() if one.disagreement > 0]
    return sorted(found, key=lambda name: (-looks[name].disagreement, name))[:count]
