"""Line charts as inline SVG with the colours and font of the page."""

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wsss.metrics.result import ThresholdCurve

_THEME = {
    "#010203": "var(--ink)",
    "#010204": "var(--muted)",
    "#010205": "var(--rule)",
    "#020301": "var(--series-1)",
    "#020302": "var(--series-2)",
    "#020303": "var(--series-3)",
    "#020304": "var(--series-4)",
}
"""Placeholder colours of matplotlib -> variables of the page's style."""

INK, MUTED, RULE, *SERIES = _THEME
_DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1.5, 1.5)),
    (0, (6, 2, 1.5, 2)),
)
_STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "wsss",
    "font.size": 10,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}
POINTS = 200
"""Largest number of points of a loss curve; each is the mean of its steps."""


def threshold_curve(curve: ThresholdCurve) -> str:
    """Draw the seed's mIoU and label agreement over the background threshold.

    Args:
        curve: both metrics; the chosen thresholds are marked.

    Returns:
        An `<svg>` element.
    """
    lines = {"mIoU": curve.miou, "label agreement": curve.label_agreement}
    marks = {"best": curve.oracle, "from labels": curve.mask_free}
    with _style():
        figure = Figure(figsize=(4.6, 2.9), layout="constrained")
        axes = figure.subplots()
        # curves
        for place, (name, values) in enumerate(lines.items()):
            if values:
                (line,) = axes.plot(curve.thresholds, 100 * np.array(values), label=name)
                line.set(color=SERIES[place], linestyle=_DASHES[place], clip_on=False)
        _legend(axes)
        axes.set(xlabel="background threshold", ylabel="%", ylim=(0, 100))
        axes.margins(x=0)
        # chosen thresholds
        last = max(point.threshold for point in marks.values() if point)
        for place, (name, point) in enumerate(marks.items()):
            if point:
                _mark(axes, point.threshold, name, place, point.threshold == last)
        return _svg(figure, "Seed quality over the background threshold")


def _style() -> AbstractContextManager[None]:
    style: Any = _STYLE
    return mpl.rc_context(style)


def _legend(axes: Axes) -> None:
    """Add a legend above the axes, in as many columns as fit."""
    longest = max(len(name) for name in axes.get_legend_handles_labels()[1])
    columns = max(1, min(4, 44 // (longest + 7)))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=columns, columnspacing=1.4)


def _mark(axes: Axes, threshold: float, text: str, place: int, right: bool) -> None:
    """Draw a vertical line in the colour of series `place`, its value on the left or `right`."""
    axes.axvline(threshold, color=SERIES[place], lw=1, ls=_DASHES[2])
    axes.annotate(
        f"{text} {threshold:g}",
        (threshold, 12 - 8 * place),
        xytext=(4 if right else -4, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        color=INK,
        fontsize=9,
    )


def losses(history: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """Return the columns of losses and held-out metrics of a history with their names in the chart.

    The name of a loss is the term ("cls" of "net/cls"), with the player where several are trained;
    metrics have theirs in full. A loss that was never computed is left out; a history without rows
    has no losses.

    Args:
        history: columns of a history.csv; every column but step, epoch, lr, seconds is a loss, or
            the metric of an early stopping, such as "held_out/mAP".
    """
    columns = [name for name in history if name not in ("step", "epoch", "lr", "seconds")]
    found = [name for name in columns if np.isfinite(history[name]).any()]
    players = {name: name.rpartition("/")[0] for name in found}
    several = len({*players.values()} - {"held_out"}) > 1
    return {
        name: name if several or player == "held_out" else name.rpartition("/")[2]
        for name, player in players.items()
    }


def loss_curves(history: Mapping[str, Sequence[float]], title: str) -> str:
    """Draw the losses of a training over its steps.

    Args:
        history: columns of a history.csv with at least one of the `losses`.
        title: name of the network, for the chart's text alternative.

    Returns:
        An `<svg>` element.
    """
    with _style():
        figure = Figure(figsize=(4.6, 2.6), layout="constrained")
        axes = figure.subplots()
        for place, (column, name) in enumerate(losses(history).items()):
            x, y = binned(history["step"], history[column])
            turn, tone = divmod(place, len(SERIES))
            (line,) = axes.plot(x, y, lw=1.6, marker="." if len(x) == 1 else "", label=name)
            line.set(color=SERIES[tone], linestyle=_DASHES[(tone + turn) % len(_DASHES)])
        axes.set(xlabel="step")
        if axes.dataLim.ymin >= 0:
            axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        _legend(axes)
        return _svg(figure, f"Losses of {title}")


def binned(steps: Sequence[float], values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return (x, y) means of at most `POINTS` consecutive bins; nan values are left out."""
    x, y = np.asarray(steps, float), np.asarray(values, float)
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    parts = min(POINTS, len(x)) or 1
    pairs = zip(np.array_split(x, parts), np.array_split(y, parts), strict=True)
    means = np.array([(a.mean(), b.mean()) for a, b in pairs if len(a)]).reshape(-1, 2)
    return means[:, 0], means[:, 1]


def _svg(figure: Figure, title: str) -> str:
    buffer = io.StringIO()
    figure.savefig(
        buffer,
        format="svg",
        transparent=True,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<svg ([^>]*?)width="\S+pt"', r"<svg \1", text, count=1)
    text = re.sub(r'<svg ([^>]*?)height="\S+pt"', r"<svg \1", text, count=1)
    for colour, variable in _THEME.items():
        text = text.replace(colour, variable)
    return text.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
