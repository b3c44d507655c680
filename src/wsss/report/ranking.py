"""Ranking of the runs of a summary, by mIoU or by a criterion of location that may choose."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from wsss import runnames
from wsss.metrics import choice
from wsss.metrics.result import CRITERIA
from wsss.products import TRAIN, VAL
from wsss.report.verdicts import SummaryRow, without_repeats

LEAST_RUNS = 3
"""Runs that a rank correlation needs at the least."""

WHOLE = "run"
"""Stage of the correlation over whole runs: of the last masks that have each number."""


class Standing(NamedTuple):
    """Place of a run, or of a group of repeats.

    Attributes:
        run: its name.
        stage: the stage whose masks are compared.
        seeds: number of repeats.
        value: mean of the metric.
        std: its standard deviation over repeats; None for a single run.
    """

    run: str
    stage: str
    seeds: int
    value: float
    std: float | None


class RankCorrelation(NamedTuple):
    """Spearman's rank correlation of a criterion with mIoU over runs.

    Attributes:
        split: the split.
        stage: stage whose masks are compared, or `WHOLE`.
        criterion: field of `Metrics`.
        value: the correlation; None where all runs have the same value.
        runs: number of runs, every seed counted.
    """

    split: str
    stage: str
    criterion: str
    value: float | None
    runs: int


def chosen_metric(rows: Sequence[SummaryRow]) -> tuple[str, str] | None:
    """Return the metric and the split that runs are ranked by; None if nothing can choose.

    It is mIoU where there are masks, on val before train, else the criterion that may choose.
    """
    wanted = ["miou", choice.earned()]
    for metric in filter(None, wanted):
        for split in (VAL, TRAIN):
            if any(row[metric] and row["split"] == split for row in _masks(rows)):
                return metric, split
    return None


def ranking(rows: Sequence[SummaryRow], metric: str, split: str) -> list[Standing]:
    """Return the runs that have a metric on a split, the best one first.

    A run counts by its last masks, of several exponents by the best ones. Repeats of a run with
    several seeds are one entry, with their mean.
    """
    last: dict[str, SummaryRow] = {}
    for row in _masks(without_repeats(rows)):
        if row["split"] == split and row[metric]:
            known = last.get(row["run"], row)
            is_worse = float(row[metric]) < float(known[metric])
            if known["product"] != row["product"] or not is_worse:
                last[row["run"]] = row
    found = [
        Standing(
            run=run,
            stage=row["stage"],
            seeds=int(row["seeds"]),
            value=float(row[metric]),
            std=float(row[f"{metric}_std"]) if row[f"{metric}_std"] else None,
        )
        for run, row in last.items()
    ]
    return sorted(found, key=lambda one: -one.value)


def correlations(rows: Sequence[SummaryRow]) -> list[RankCorrelation]:
    """Return the rank correlation of every criterion with mIoU, over the runs that have both.

    Every seed counts as a run. There is one for each stage, of its masks, and one over whole runs.
    """
    single = [row for row in _masks(rows) if row["seeds"] == "1"]
    found = []
    for split in (VAL, TRAIN):
        here = [row for row in single if row["split"] == split]
        stages = {row["stage"]: [r for r in here if r["stage"] == row["stage"]] for row in here}
        for criterion in CRITERIA:
            for stage, part in {**stages, WHOLE: here}.items():
                pairs = list(_pairs(part, criterion))
                if len(pairs) >= LEAST_RUNS:
                    value = spearman(*zip(*pairs, strict=True))
                    found.append(RankCorrelation(split, stage, criterion, value, len(pairs)))
    return found


def _masks(rows: Iterable[SummaryRow]) -> Iterator[SummaryRow]:
    """Yield the rows of masks; bounds and the runs that only serve another one are left out."""
    for row in rows:
        helps = runnames.main(row["run"]) != row["run"]
        if row["label_agreement"] and not row["reference"] and not helps:
            yield row


def _pairs(rows: Sequence[SummaryRow], criterion: str) -> Iterator[tuple[float, float]]:
    """Yield the criterion and the mIoU of every run, of its last masks that have each."""
    for run in dict.fromkeys(row["run"] for row in rows):
        own = [row for row in rows if row["run"] == run]
        values = [row[criterion] for row in own if row[criterion]]
        mious = [row["miou"] for row in own if row["miou"]]
        if values and mious:
            yield float(values[-1]), float(mious[-1])


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return the correlation of the ranks, equal values at their mean rank; None if all are equal.

    Spearman (1904).
    """
    if len(set(first)) == 1 or len(set(second)) == 1:
        return None
    from scipy.stats import spearmanr  # takes a second to import

    return float(spearmanr(first, second).statistic)
