"""Images that deserve a look, judged by their label maps and image labels alone.

Nothing here measures quality: each reason is something that good masks rarely have.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from wsss.io.labels import IGNORE
from wsss.metrics.location import agreement

ALMOST_NOTHING = 0.01
"""Share of the pixels below which the foreground is suspicious."""

ALMOST_EVERYTHING = 0.9
"""Share of the pixels above which the foreground, or what is ignored, is suspicious."""

PIECES = 8
"""Number of separate regions of a class above which it is fragmented."""

UNSURE = 0.6
"""Mean of the highest scores of refined maps below which they are unsure."""


class Look(NamedTuple):
    """What stands out in the maps of one image.

    Attributes:
        reasons: reason in words -> weight in (0, 1].
        disagreement: 1 minus the mean agreement of the last label map with those of the stages
            before; None where there is nothing to compare.
    """

    reasons: Mapping[str, float]
    disagreement: float | None

    @property
    def suspicion(self) -> float:
        """Sum of the weights."""
        return sum(self.reasons.values())


def reasons(
    labels: np.ndarray, classes: Sequence[int], names: Sequence[str], certainty: float | None = None
) -> dict[str, float]:
    """Return why a label map is suspicious, in words, each reason with a weight in (0, 1].

    Args:
        labels: label map (H, W) uint8.
        classes: 0-based classes of the image.
        names: names of the foreground classes.
        certainty: mean of the highest scores of its refined maps, in [0, 1]; None = unknown.
    """
    pixels = np.bincount(labels.ravel(), minlength=IGNORE + 1) / labels.size
    inside = {c: pixels[c + 1] for c in range(len(names)) if pixels[c + 1]}
    foreground = sum(inside.values())
    found: dict[str, float] = {}
    # image labels against labels found
    if missing := [names[c] for c in classes if c not in inside]:
        found[f"no pixel of {', '.join(missing)}"] = len(missing) / len(classes)
    if untrue := {names[c]: share for c, share in inside.items() if c not in classes}:
        weight = sum(untrue.values()) / foreground
        found[f"{', '.join(untrue)}: not among its labels"] = float(weight)
    # areas
    if inside and foreground < ALMOST_NOTHING:
        found[f"almost nothing is foreground ({_percent(foreground)})"] = 1 - float(foreground)
    for share, what in ((foreground, "foreground"), (pixels[IGNORE], "ignored")):
        if share > ALMOST_EVERYTHING:
            found[f"almost everything is {what} ({_percent(share)})"] = float(share)
    for c in inside:
        if (count := _pieces(labels == c + 1)) > PIECES:
            found[f"{names[c]} is in {count} pieces"] = 1 - PIECES / count
    if certainty is not None and certainty < UNSURE:
        found[f"the refined maps are unsure ({_percent(certainty)})"] = 1 - certainty
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _pieces(mask: np.ndarray) -> int:
    """Return the number of regions of a mask (H, W) bool whose pixels touch by side or corner."""
    count, _ = cv2.connectedComponents(mask.astype(np.uint8))
    return int(count) - 1


def disagreement(
    last: np.ndarray, before: Iterable[np.ndarray], classes: Sequence[int]
) -> float | None:
    """Return 1 minus the mean agreement of a label map (H, W) with others of its image."""
    ids = [c + 1 for c in classes]
    found = [value for one in before if (value := agreement(last, one, ids)) is not None]
    return 1 - float(np.mean(found)) if found else None


def suspicious(looks: Mapping[str, Look], count: int) -> list[str]:
    """Return the ids of at most `count` images with a reason, the most suspicious first."""
    found = [name for name, look in looks.items() if look.reasons]
    return sorted(found, key=lambda name: (-looks[name].suspicion, name))[:count]


def disagreeing(looks: Mapping[str, Look], count: int) -> list[str]:
    """Return the ids of at most `count` images whose stages differ, the most different first."""
    known = {name: look.disagreement for name, look in looks.items() if look.disagreement}
    return sorted(known, key=lambda name: (-known[name], name))[:count]
