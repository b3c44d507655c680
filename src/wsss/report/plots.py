"""Line charts as inline SVG with the colours and font of the page."""

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import escape
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


@dataclass(frozen=True)
class Line:
    """Line of a chart.

    Attributes:
        series: number of its style, see `series_style`.
        x: places, ascending.
        y: values; those that are not finite are left out.
        dots: whether every value is marked, because there are few.
    """

    series: int
    x: Sequence[float]
    y: Sequence[float]
    dots: bool = False


def series_style(place: int) -> tuple[str, Any]:
    """Return placeholder colour and dashes of series `place`, from 0; 16 of them differ."""
    turn, tone = divmod(place, len(SERIES))
    return SERIES[tone], _DASHES[(tone + turn) % len(_DASHES)]


def chart(lines: Sequence[Line], title: str, unit: str, top: float | None = None) -> str:
    """Draw values over the steps of trainings.

    Args:
        lines: the lines.
        title: the chart in words, for those who do not see it; unique on the page.
        unit: unit of the values.
        top: upper end of the axis; None = that of the values.

    Returns:
        An `<svg>` element.
    """
    width = 1.6 if len(lines) == len({line.series for line in lines}) else 1
    with _style(title):
        figure = Figure(figsize=(3.6, 2.2), layout="constrained")
        axes = figure.subplots()
        for line in lines:
            x, y = binned(line.x, line.y)
            colour, dashes = series_style(line.series)
            marker = "." if line.dots or len(x) == 1 else ""
            axes.plot(x, y, lw=width, marker=marker, color=colour, linestyle=dashes)
        axes.set(xlabel="step", ylabel=unit)
        if axes.dataLim.ymin >= 0:
            axes.set_ylim(bottom=0)
        axes.set_ylim(top=top)
        axes.margins(x=0.01)
        return _svg(figure, title)


def threshold_curve(curve: ThresholdCurve, title: str) -> str:
    """Draw the seed's mIoU and label agreement over the background threshold.

    Args:
        curve: both metrics; the chosen thresholds are marked.
        title: the chart in words, for those who do not see it; unique on the page.

    Returns:
        An `<svg>` element.
    """
    lines = {"mIoU": curve.miou, "label agreement": curve.label_agreement}
    marks = {"best threshold": curve.oracle, "threshold from labels": curve.mask_free}
    with _style(title):
        figure = Figure(figsize=(4.6, 2.9), layout="constrained")
        axes = figure.subplots()
        for place, (name, values) in enumerate(lines.items()):
            if values:
                (line,) = axes.plot(curve.thresholds, 100 * np.array(values), label=name)
                line.set(color=SERIES[place], linestyle=_DASHES[place], clip_on=False)
        for place, (name, point) in enumerate(marks.items()):
            if point:
                label = f"{name} {point.threshold:g}"
                axes.axvline(
                    point.threshold, color=SERIES[2 + place], lw=1.2, ls=_DASHES[2], label=label
                )
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, columnspacing=1.4)
        axes.set(xlabel="background threshold", ylabel="%", ylim=(0, 100))
        axes.margins(x=0)
        return _svg(figure, title)


def _style(title: str) -> AbstractContextManager[None]:
    """Return the style of a chart, whose title makes the ids in its SVG unique."""
    style: Any = {**_STYLE, "svg.hashsalt": title}
    return mpl.rc_context(style)


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
    # names of parts that nothing refers to are the same in every chart
    text = re.sub(r' id="([^"]+)"', lambda m: m[0] if f"#{m[1]}" in text else "", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


def themed(colour: str) -> str:
    """Return the page's variable of a placeholder colour."""
    return _THEME[colour]
