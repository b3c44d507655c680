"""The table of runs and stages: means over seeds, and published values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from wsss import runnames
from wsss.pipeline import PRODUCTS
from wsss.report.differences import Difference
from wsss.report.tables import percent, spread
from wsss.report.verdicts import SummaryRow, without_repeats

_ORDER = [product.name for product in PRODUCTS]


@dataclass(frozen=True)
class Compared:
    """What the runs of a report are compared by.

    Attributes:
        rows: rows of summary.tsv.
        differences: differences of the runs from the first one.
    """

    rows: Sequence[SummaryRow]
    differences: Sequence[Difference] = ()


@dataclass(frozen=True)
class Cell:
    """A value of the table.

    Attributes:
        text: per cent, with the standard deviation over seeds.
        best: True for the best one of its stage and kind, where there are several.
    """

    text: str = ""
    best: bool = False


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        run: name of the run, or of the group of repeats.
        kind: the run itself, what is published for its recipe, or a repeat of a group.
        seeds: number of repeats, 1 for a single run.
        cells: values by stage.
    """

    run: str
    kind: Literal["run", "published", "seed"]
    seeds: int
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Comparison:
    """The table of one split.

    Attributes:
        split: the split.
        metric: field of `Metrics`.
        stages: stages, in the order of the chain.
        circular: stages whose values compare them with what they are given.
        lines: runs, or groups in the place of their repeats, each before what is published.
        seeds: the repeats of all groups.
    """

    split: str
    metric: str
    stages: Sequence[str]
    circular: frozenset[str]
    lines: Sequence[Line]
    seeds: Sequence[Line]


@dataclass(frozen=True)
class Beside:
    """A published value beside ours.

    Attributes:
        run: name of the run, or of the group of repeats.
        recipe: name of the recipe in `configs/voc12`.
        split: the split, that is the list of VOC.
        stage: the stage.
        ours: our value, per cent.
        published: the published one, per cent.
        source: where it is published, and under which conditions.
        differs: what is different here; empty = nothing that the configuration says.
    """

    run: str
    recipe: str
    split: str
    stage: str
    ours: str
    published: str
    source: str
    differs: str


def splits(rows: Sequence[SummaryRow]) -> list[str]:
    """Return the splits of the rows, in their order."""
    return list(dict.fromkeys(row["split"] for row in rows))


def comparison(rows: Sequence[SummaryRow], split: str, metric: str = "miou") -> Comparison:
    """Return the table of a metric on a split.

    Args:
        rows: the rows of summary.tsv.
        split: the split.
        metric: field of `Metrics`.
    """
    here = [row for row in rows if row["split"] == split and row[metric]]
    means = list(without_repeats(here))
    stages = dict.fromkeys(
        row["stage"] for row in sorted(here, key=lambda row: _ORDER.index(row["product"]))
    )
    circular = {row["stage"] for row in here if row["circular"] and metric == "label_agreement"}
    rivals: dict[str, list[float]] = {stage: [] for stage in stages if stage not in circular}
    for row in means:
        # the others serve a run, or are trained on masks
        if row["stage"] in rivals and runnames.main(row["run"]) == row["run"]:
            rivals[row["stage"]].append(float(row[metric]))
    best = {stage: max(values) for stage, values in rivals.items() if len(values) > 1}
    groups = _by_run(means).values()
    lines = chain.from_iterable(_lines(own, stages, metric, best) for own in groups)
    known = {(row["run"], row["stage"]) for row in means}
    repeats = [row for row in here if (row["run"], row["stage"]) not in known]
    seeds = [_line(own, stages, metric, {}, "seed") for own in _by_run(repeats).values()]
    return Comparison(split, metric, [*stages], frozenset(circular), [*lines], seeds)


def _by_run(rows: Iterable[SummaryRow]) -> dict[str, list[SummaryRow]]:
    found: dict[str, list[SummaryRow]] = {}
    for row in rows:
        found.setdefault(row["run"], []).append(row)
    return found


def _lines(
    rows: Sequence[SummaryRow], stages: Iterable[str], metric: str, best: dict[str, float]
) -> Iterator[Line]:
    yield _line(rows, stages, metric, best, "run")
    if metric == "miou" and any(row["published"] for row in rows):
        yield _line(rows, stages, "published", {}, "published")


def _line(
    rows: Sequence[SummaryRow],
    stages: Iterable[str],
    column: str,
    best: dict[str, float],
    kind: Literal["run", "published", "seed"],
) -> Line:
    own = {row["stage"]: row for row in rows if row[column]}
    cells = [
        _cell(own[stage], column, best.get(stage)) if stage in own else Cell() for stage in stages
    ]
    return Line(rows[0]["run"], kind, max(int(row["seeds"]) for row in rows), cells)


def _cell(row: SummaryRow, column: str, best: float | None) -> Cell:
    value, std = float(row[column]), row.get(f"{column}_std")
    return Cell(spread(value, float(std) if std else None), value == best)


def beside(rows: Sequence[SummaryRow]) -> list[Beside]:
    """Return the published values of the rows, beside ours."""
    return [
        Beside(
            **{key: row[key] for key in ("run", "recipe", "split", "stage")},
            ours=_cell(row, "miou", None).text,
            published=percent(float(row["published"])),
            source=row["published_source"],
            differs=row["published_differs"],
        )
        for row in without_repeats(rows)
        if row["published"] and row["miou"]
    ]
