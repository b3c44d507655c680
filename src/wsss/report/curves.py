"""Charts of trainings: one per loss and metric, with a line per run."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from wsss import runnames
from wsss.pipeline import product
from wsss.report import plots
from wsss.report.content import RunResults

_NO_VALUES = ("step", "epoch", "lr", "seconds")

VALIDATED = {"held_out": "held-out training images", "val": "val", "train": "train"}
"""First part of the columns of metrics, such as held_out/mAP -> the images that they rest on.

In the columns of losses it is the name of a player, such as net/cls.
"""


class Curve(NamedTuple):
    """A loss or a metric over the steps of the trainings of one kind of network.

    Attributes:
        title: what is drawn.
        metric: True for a metric, False for a loss.
        chart: the chart.
    """

    title: str
    metric: bool
    chart: Markup


class Swatch(NamedTuple):
    """Series of the charts: its name, colour as a variable of the page, and SVG dashes."""

    name: str
    colour: str
    dashes: str


def columns(history: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """Return the columns of losses and metrics of a history, with their titles.

    A loss that was never computed is left out; a history without rows has none. The title of a
    loss is its term, with the player where several are trained.

    Args:
        history: columns of a history.csv.
    """
    names = [name for name in history if name not in _NO_VALUES]
    found = [name for name in names if np.isfinite(history[name]).any()]
    players = {name.rpartition("/")[0] for name in found if not is_metric(name)}
    return {name: _title(name, len(players) > 1) for name in found}


def is_metric(column: str) -> bool:
    """Return True for the column of a metric."""
    return column.partition("/")[0] in VALIDATED


def _title(column: str, several: bool) -> str:
    images, _, name = column.partition("/")
    if is_metric(column):
        return f"{name} on {VALIDATED[images]}"
    return column if several else column.rpartition("/")[2]


def trainings(runs: Sequence[RunResults]) -> dict[str, list[Curve]]:
    """Return the curves of every kind of network, losses first, by its title."""
    kinds = dict.fromkeys(name for run in runs for name in run.histories)
    found = {_network(runs, kind): _curves(runs, kind) for kind in kinds}
    return {title: curves for title, curves in found.items() if curves}


def _network(runs: Iterable[RunResults], kind: str) -> str:
    titles = dict.fromkeys(run.title(kind) for run in runs if kind in run.histories)
    return next(iter(titles)) if len(titles) == 1 else product(kind).title


def _curves(runs: Sequence[RunResults], kind: str) -> list[Curve]:
    trained = {run.name: run.histories[kind] for run in runs if kind in run.histories}
    titles = {name: title for of in trained.values() for name, title in columns(of).items()}
    series, found = _series(runs), []
    for column in sorted(titles, key=is_metric):
        metric = is_metric(column)
        lines = [
            plots.Line(
                series[_group(run)], history["step"], _values(history[column], metric), dots=metric
            )
            for run, history in trained.items()
            if column in columns(history)
        ]
        text = f"{titles[column]}, {_network(runs, kind)}"
        unit, top = ("%", 100) if metric else ("loss", None)
        found.append(Curve(titles[column], metric, Markup(plots.chart(lines, text, unit, top))))
    return found


def _values(values: Sequence[float], metric: bool) -> list[float]:
    """Return values as they are drawn: metrics in per cent."""
    return [100 * value for value in values] if metric else list(values)


def _group(run: str) -> str:
    """Return the name of the series of a run: repeats share one."""
    return runnames.group(run) or run


def _series(runs: Iterable[RunResults]) -> dict[str, int]:
    """Return the number of every series by its name."""
    names = dict.fromkeys(_group(run.name) for run in runs if run.histories)
    return {name: number for number, name in enumerate(names)}


def legend(runs: Iterable[RunResults]) -> list[Swatch]:
    """Return the series of all charts; empty for a single one."""
    found = []
    for name, number in _series(runs).items():
        colour, dashes = plots.series_style(number)
        text = "" if dashes == "-" else " ".join(map(str, dashes[1]))
        found.append(Swatch(name, plots.themed(colour), text))
    return found if len(found) > 1 else []
