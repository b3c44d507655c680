"""Worth of the criteria of location: the rank correlation with mIoU, where it was measured.

This table is the one place that says by which criterion runs without masks are ranked. A row is
Spearman's rank correlation of the criterion with the mIoU of the same masks, over runs that differ
in their settings, as `wsss best` prints it for runs on a data set with masks.
"""

from collections.abc import Mapping
from typing import NamedTuple

from wsss.metrics.result import METRICS

LEAST = 0.6
"""Correlation from which on a criterion may choose among runs."""

FEWEST = 10
"""Runs that a correlation has to rest on."""


class Worth(NamedTuple):
    """Measured worth of a criterion.

    Attributes:
        correlation: Spearman's rank correlation with mIoU.
        runs: number of sets of masks that it rests on.
        source: the masks and their data set; docs/experiments.md has the figures.
    """

    correlation: float
    runs: int
    source: str


_REFINERS = "refined maps of 240 photographs of VOC"

MEASURED: Mapping[str, Worth | None] = {
    "edge_contrast": Worth(0.41, 21, _REFINERS),
    "refiner_agreement": Worth(-0.53, 21, _REFINERS),
    "stability": None,
    "segmenter_agreement": None,
}
"""Criterion -> its worth; None = not measured."""


def earned(measured: Mapping[str, Worth | None] = MEASURED) -> str | None:
    """Return the criterion with the highest correlation that may choose; None = there is none."""
    good = {
        name: worth.correlation
        for name, worth in measured.items()
        if worth and worth.correlation >= LEAST and worth.runs >= FEWEST
    }
    return max(good, key=good.__getitem__, default=None)


def reason(measured: Mapping[str, Worth | None] = MEASURED) -> str:
    """Return the sentence on what the criteria are worth."""
    known = {name: worth for name, worth in measured.items() if worth}
    if not known:
        return "No correlation of a criterion with mIoU was measured: none of them can choose."
    found = ", ".join(
        f"{METRICS[name].title} {worth.correlation:.2f} ({worth.runs} runs, {worth.source})"
        for name, worth in known.items()
    )
    none = f" None has {LEAST:g} over {FEWEST} runs: none of them can choose."
    return f"Rank correlation with mIoU: {found}.{'' if earned(measured) else none}"
