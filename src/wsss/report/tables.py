"""Tables of the report, summary.tsv and the terminal, as rows of text."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wsss.io.cells import escaped, unescaped
from wsss.metrics.result import CRITERIA, METRICS, Metric
from wsss.report.content import RunResults, Step, base_of, in_sentence, steps
from wsss.report.verdicts import is_worthless

_FIRST = (
    *("run", "stage", "miou", "split", "images", "ground_truth"),
    *("miou_present", "label_agreement", "images_predicted"),
)
_PLAIN = {name: metric for name, metric in METRICS.items() if not metric.location}
SUMMARY = (
    *_FIRST,
    *(name for name, metric in _PLAIN.items() if metric.summary and name not in _FIRST),
    "seeds",
    *(f"{name}_std" for name, metric in _PLAIN.items() if metric.summary and metric.std),
    *("map", "f1", "map_std", "f1_std", "not_learnt", "unjudged"),
    *("product", "reference", "circular", "plateau_from", "plateau_to"),
    *CRITERIA,
    *(f"{name}_std" for name in CRITERIA),
    *("recipe", "published", "published_source", "published_differs"),
)
"""Columns of summary.tsv; metrics are fractions, those that need masks are empty without any.

Metrics that need masks rest on `images`, the others on `images_predicted` (all). A row of several
seeds holds their means and standard deviations. `map`, `f1`, the classes `not_learnt` and those
with too few images to judge (`unjudged`) are those of the row of the classifier; `reference` marks
an upper bound, `circular` label agreement of maps that are given the labels; labels agree equally
well with thresholds in the plateau. Criteria of location are empty where they were not measured.
`published` is the value of the `recipe` of the run (`wsss.report.published`), `published_differs`
says what is not as there.
"""

Row = dict[str, Any]
"""Values of a row for the template of the page."""

NONE, MINUS, SPREAD = "\N{EN DASH}", "\N{MINUS SIGN}", "\N{PLUS-MINUS SIGN}"


def percent(value: float | None) -> str:
    """Return a fraction as per cent with one decimal and a true minus sign; a dash for None."""
    return NONE if value is None else f"{100 * value:.1f}".replace("-", MINUS)


def spread(mean: float | None, std: float | None) -> str:
    """Return a fraction as per cent, with its standard deviation where it has one."""
    return percent(mean) if std is None else f"{percent(mean)} {SPREAD} {percent(std)}"


def change(value: float, base: float) -> str:
    """Return the signed difference of two fractions in points, with a true minus sign."""
    # adding 0 leaves no negative zero
    return f"{round(100 * (value - base), 1) + 0.0:+.1f}".replace("-", MINUS)


def listed(names: Iterable[str]) -> str:
    """Return names as in "a, b and c"."""
    found = list(names)
    return " and ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))


def capital(text: str) -> str:
    """Return a text with a capital, unless its first word has a spelling of its own (mIoU)."""
    return text[:1].upper() + text[1:] if text[1:2].islower() else text


def headroom(runs: Sequence[RunResults]) -> float:
    """Return the common full scale of the bars: the highest of them, rounded up to a tenth."""
    chains = [steps(run) for run in runs]
    found = [step.metrics.miou or 0 for chain in chains for step in chain]
    found += [background(chain) or 0 for chain in chains]
    return min(1.0, (int(10 * max(found, default=0)) + 1) / 10)


def waterfall(found: Sequence[Step], scale: float, bound: Step | None = None) -> list[Row]:
    """Return the bars of one run, each split into the part shared with its base and the change.

    The first bar is that of masks in which everything is background, the last one that of the
    segmenter trained on masks.

    Args:
        found: the steps of the run.
        scale: mIoU at the right end of the axis.
        bound: the segmenter trained on masks; None = there is none.

    Returns:
        Rows with label, note, reference, value, change and base (text), kind (gain, loss,
        none), solid, shift (per cent of the axis): the bar is `solid` wide and the change `shift`,
        and bad, True for a step that is no better than the first bar.
    """
    bars = [
        _bar(step, miou, base_of(found, step), scale)
        for step in found
        if (miou := step.metrics.miou) is not None
    ]
    top = None if bound is None else bound.metrics.miou
    return [
        *_plain_bars(background(found), "Everything background", "no object is found", scale),
        *bars,
        *_plain_bars(top, "Trained on masks", "upper bound of the segmenter", scale),
    ]


def background(found: Iterable[Step]) -> float | None:
    """Return the mIoU of everything background on the images of these steps; None without masks."""
    values = (step.metrics.miou_background for step in found)
    return next((value for value in values if value is not None), None)


def _plain_bars(value: float | None, label: str, note: str, scale: float) -> list[Row]:
    """Return the bar of a value that stands for comparison; none without a value."""
    if value is None:
        return []
    texts = {"label": label, "note": note, "change": "", "base": "", "value": percent(value)}
    bar = {"solid": 100 * value / scale, "shift": 0, "kind": "none"}
    return [texts | bar | {"reference": True, "bad": False}]


def _bar(step: Step, value: float, base: Step | None, scale: float) -> Row:
    start = value if base is None or base.metrics.miou is None else base.metrics.miou
    kind = "none" if base is None else ("gain" if value >= start else "loss")
    return {
        "label": step.label,
        "note": step.note,
        "reference": step.reference,
        "value": percent(value),
        "change": "" if base is None else change(value, start),
        "base": "" if base is None else in_sentence(base.label),
        "kind": kind,
        "bad": is_worthless(value, step.metrics.miou_background or 0),
        "solid": 100 * min(value, start) / scale,
        "shift": 100 * abs(value - start) / scale,
    }


def _is_circular(step: Step, metric: str) -> bool:
    """Return True if a metric of a step compares it with what it is given."""
    return step.circular and metric == "label_agreement"


def shown(masks: bool, absent: bool, found: Iterable[Step]) -> dict[str, Metric]:
    """Return the metrics that the report shows.

    Args:
        masks: whether there are masks.
        absent: whether a class never occurs in them.
        found: the steps of all runs.
    """
    known = measured(found)
    return {
        name: metric
        for name, metric in METRICS.items()
        if (masks or not metric.needs_masks)
        and (absent or not metric.if_absent)
        and (name in known or not metric.location)
    }


def measured(found: Iterable[Step]) -> set[str]:
    """Return the criteria of location that were measured at one of these steps."""
    return {name for step in found for name in CRITERIA if step.metrics.value(name) is not None}


def quality(found: Sequence[Step], metrics: Iterable[str]) -> list[Row]:
    """Return the metrics of every step: label, note and cells in the order of `metrics`."""
    names = list(metrics)
    return [
        {
            "label": step.label,
            "note": step.note,
            "cells": [
                {
                    "value": percent(step.metrics.value(name)),
                    "circular": _is_circular(step, name),
                }
                for name in names
            ],
        }
        for step in found
    ]


def classes(found: Sequence[Step], names: Sequence[str]) -> Row:
    """Return IoU per class (rows) for seeds, pseudo labels and segmenters (columns)."""
    columns = [
        (step.label, step.metrics.iou)
        for step in found
        if step.metrics.iou and step.metrics.alpha is None and not step.reference
    ]
    rows = [
        {"label": name, "cells": [_iou_cell(iou[name]) for _, iou in columns]}
        for name in ("background", *names)
    ]
    return {"columns": [label for label, _ in columns], "rows": rows}


def _iou_cell(value: float) -> Row:
    return {"value": percent(value), "width": 100 * value}


def summary_rows(runs: Iterable[RunResults]) -> list[Row]:
    """Return one row per run and step with the columns `SUMMARY`."""
    return [summary_row(run.name, step, 1, {}) for run in runs for step in steps(run)]


def summary_row(name: str, step: Step, seeds: int, std: Mapping[str, float | None]) -> Row:
    """Return the columns `SUMMARY` of a step; `std` holds standard deviations by metric."""
    spreads = {f"{metric}_std": value for metric, value in std.items()}
    first, last = step.plateau or (None, None)
    known = {
        **{"run": name, "stage": step.key, "product": step.product, "seeds": seeds},
        **{"reference": step.reference, "circular": step.circular},
        **{"plateau_from": first, "plateau_to": last},
        **dict(step.metrics),
        **spreads,
    }
    return summary_columns(known)


def summary_columns(known: Mapping[str, object]) -> Row:
    """Return the columns `SUMMARY` as text; those that are not known are empty."""
    return row_text(SUMMARY, known)


def row_text(columns: Iterable[str], known: Mapping[str, object]) -> Row:
    """Return columns as text; those that are not known are empty."""
    return {column: _plain(known.get(column)) for column in columns}


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def summary_text(rows: Iterable[Row]) -> str:
    """Return the rows as the text of summary.tsv."""
    return tsv_text(SUMMARY, rows)


def tsv_text(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Return rows as a table separated by tabs, with a header; no cell is a formula."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(text) for name, text in row.items()} for row in rows)
    return buffer.getvalue()


def _cell(text: str) -> object:
    try:
        float(text)
    except ValueError:
        return escaped(text)
    # a negative number is no formula
    return text


def read_rows(text: str) -> list[dict[str, str]]:
    """Return the rows of the text of such a table."""
    rows = csv.DictReader(io.StringIO(text), delimiter="\t")
    return [{name: unescaped(cell or "") for name, cell in row.items()} for row in rows]
