"""Verdicts: rules on the rows of summary.tsv that say in words what the numbers mean.

docs/verdicts.md explains them.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import stdev
from typing import NamedTuple

from wsss import runnames
from wsss.config.model import UNTRAINED
from wsss.config.segmenter import PUBLISHED
from wsss.metrics.classifier import JUDGED
from wsss.metrics.tally import is_wide
from wsss.pipeline import PRODUCTS
from wsss.products import TRAIN, VAL

TIE = 0.0005
"""Difference of two values that look equal with one decimal of a per cent."""

_OF_PUBLISHED = (
    "see that the published checkpoint has dataset.classes in their order, or train a {} "
    "({}.checkpoint: null)"
)
_REMEDIES = {row.name: row.remedy for row in PRODUCTS}
_SPREAD, _ARROW = "\N{PLUS-MINUS SIGN}", "\N{RIGHTWARDS ARROW}"

SummaryRow = Mapping[str, str]
"""Columns of a row of summary.tsv (`wsss.report.tables.SUMMARY`)."""


class Verdict(NamedTuple):
    """A sentence about a run.

    Attributes:
        run: the run, or the group of repeats.
        split: the split that it is about.
        text: the sentence.
        remedy: advice.
        bad: True where the result is worth nothing.
    """

    run: str
    split: str
    text: str
    remedy: str
    bad: bool = False


def is_worthless(miou: float, background: float) -> bool:
    """Return True if an mIoU is no better than that of everything background, or looks so."""
    return miou - background < TIE


def verdicts(rows: Sequence[SummaryRow]) -> list[Verdict]:
    """Return the verdicts on the rows of summary.tsv, in their order.

    A group of repeats is looked at as a whole, by its means; its runs are not.
    """
    runs: dict[tuple[str, str], list[SummaryRow]] = {}
    for row in without_repeats(rows):
        runs.setdefault((row["run"], row["split"]), []).append(row)
    found: list[Verdict] = []
    for of_run in runs.values():
        found += _not_learnt(of_run)
        found += _unjudged(of_run)
        found += _worse_than_background(of_run)
        found += _falls(of_run, rows)
        found += _uninformative(of_run)
        found += _below_bound(of_run, runs)
    return found


def without_repeats(rows: Sequence[SummaryRow]) -> Iterator[SummaryRow]:
    """Yield the rows but for those whose mean over several seeds is in another one.

    They are in the order of the splits, and of the first rows of the runs and their repeats.
    """
    means = {(row["run"], row["stage"], row["split"]) for row in rows if int(row["seeds"]) > 1}
    splits = list(dict.fromkeys(row["split"] for row in rows))
    runs = list(dict.fromkeys(runnames.group(row["run"]) or row["run"] for row in rows))

    def place(row: SummaryRow) -> tuple[int, int]:
        return splits.index(row["split"]), runs.index(runnames.group(row["run"]) or row["run"])

    for row in sorted(rows, key=place):
        if (runnames.group(row["run"]), row["stage"], row["split"]) not in means:
            yield row


def _not_learnt(rows: Sequence[SummaryRow]) -> Iterator[Verdict]:
    """Yield a verdict on the classes that the classifier does not tell from others."""
    for row in rows:
        if not row["not_learnt"]:
            continue
        text = f"the classifier does not recognise {row['not_learnt']}"
        remedy = "give it more images of them"
        if UNTRAINED in row["stage"]:
            remedy = "describe them in other words (prompts)"
        elif PUBLISHED in row["stage"]:
            remedy = _OF_PUBLISHED.format("classifier", "cam")
        elif row["split"] == TRAIN:
            text += ", not even on the images that it was trained on"
            remedy = "train it longer (cam.train.steps)"
        yield Verdict(row["run"], row["split"], text, remedy)


def _unjudged(rows: Sequence[SummaryRow]) -> Iterator[Verdict]:
    """Yield a verdict on the classes that too few held-out images have, or have not."""
    for row in rows:
        if row["unjudged"] and row["split"] == VAL:
            few = "too few held-out images to judge whether the classifier recognises"
            remedy = f"hold out {JUDGED} images with each class and {JUDGED} without it, or more"
            yield Verdict(row["run"], row["split"], f"{few} {row['unjudged']}", remedy)


def _worse_than_background(rows: Sequence[SummaryRow]) -> Iterator[Verdict]:
    """Yield a verdict on each step that is no better than masks without any object."""
    for row in rows:
        if not row["miou"] or row["reference"]:
            continue
        if is_worthless(_miou(row), float(row["miou_background"])):
            nothing = f"{100 * float(row['miou_background']):.1f}"
            text = f"no better than everything background {nothing}: {row['stage']} {_value(row)}"
            yield Verdict(row["run"], row["split"], text, _remedy(row), bad=True)


def _falls(rows: Sequence[SummaryRow], everything: Sequence[SummaryRow]) -> Iterator[Verdict]:
    """Yield a verdict on each product whose best step is worse than that of the product before.

    Of several seeds the mean fall must exceed the standard deviation of the falls of the seeds.
    """
    best: dict[str, SummaryRow] = {}
    for row in rows:
        if row["miou"] and not row["reference"]:
            best[row["product"]] = max(best.get(row["product"], row), row, key=_miou)
    for before, after in pairwise(best.values()):
        fall, spread = _miou(before) - _miou(after), _spread(before, after, everything)
        if fall > max(spread, TIE):
            change = f"{before['stage']} {_value(before)} {_ARROW} {after['stage']} {_value(after)}"
            text = f"lowers quality: {change}"
            if int(after["seeds"]) > 1:
                text += f", by {100 * fall:.1f} {_SPREAD} {100 * spread:.1f} over the seeds"
            if before["circular"] and not after["circular"]:
                text += " (which is not given the image labels)"
            yield Verdict(after["run"], after["split"], text, _remedy(after))


def _spread(before: SummaryRow, after: SummaryRow, everything: Sequence[SummaryRow]) -> float:
    """Return the sample standard deviation of a fall over the seeds; 0 for a single run."""
    values: dict[str, dict[str, float]] = {before["stage"]: {}, after["stage"]: {}}
    for row in everything:
        is_seed = (runnames.group(row["run"]), row["split"]) == (after["run"], after["split"])
        if is_seed and row["stage"] in values:
            values[row["stage"]][row["run"]] = _miou(row)
    first, second = values.values()
    falls = [first[run] - second[run] for run in first if run in second]
    return stdev(falls) if len(falls) > 1 else 0.0


def _uninformative(rows: Sequence[SummaryRow]) -> Iterator[Verdict]:
    """Yield a verdict on a threshold from labels that agree with many thresholds (`is_wide`)."""
    for row in rows:
        if not row["plateau_from"]:
            continue
        first, last = float(row["plateau_from"]), float(row["plateau_to"])
        if is_wide(first, last):
            text = (
                f"the threshold of {row['stage']} is not informative: thresholds from {first:g} to "
                f"{last:g} agree equally well with the labels"
            )
            remedy = "masks of a few images would decide it"
            if row["miou"]:
                remedy = "set the one that is best on masks of other images (evaluate.threshold)"
            yield Verdict(row["run"], row["split"], text, remedy)


def _below_bound(
    rows: Sequence[SummaryRow], runs: Mapping[tuple[str, str], Sequence[SummaryRow]]
) -> Iterator[Verdict]:
    """Yield a verdict that compares the segmenter with the same one trained on masks."""
    for row in rows:
        of_bound = runs.get((runnames.bound(row["run"]), row["split"]), ())
        same = [one for one in of_bound if one["product"] == row["product"] and one["miou"]]
        if row["run"] != runnames.bound(row["run"]) and same and row["miou"]:
            share = f"{100 * _miou(row) / max(_miou(same[0]), TIE):.0f} %"
            text = f"{row['stage']} {_value(row)} is {share} of what masks give, {_value(same[0])}"
            yield Verdict(row["run"], row["split"], text, "better pseudo labels gain the rest")


def _miou(row: SummaryRow) -> float:
    return float(row["miou"])


def _value(row: SummaryRow) -> str:
    """Return the mIoU as per cent, with its standard deviation over several seeds."""
    value = f"{100 * _miou(row):.1f}"
    return f"{value} {_SPREAD} {100 * float(row['miou_std']):.1f}" if row["miou_std"] else value


def _remedy(row: SummaryRow) -> str:
    if PUBLISHED in row["stage"]:
        return _OF_PUBLISHED.format("segmenter", "segment")
    return _REMEDIES.get(row["product"], "") or "look at its masks in the report"
