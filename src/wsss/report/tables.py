"""Numbers as rows of text: the waterfall, the comparison of runs, classes, costs, the summary."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from wsss.report.content import Run, Step, steps

SUMMARY = (
    *("run", "stage", "miou", "split", "images", "ground_truth"),
    *("miou_present", "label_agreement", "images_predicted"),
    *("precision", "recall", "seeds", "miou_std", "precision_std", "recall_std"),
)
"""Columns of summary.tsv; fractions, those that need masks are empty when there are none.

miou, miou_present, precision and recall rest on `images` (with masks), label_agreement on
`images_predicted` (all). A row of several seeds holds their means and standard deviations.
"""

Row = dict[str, Any]

NONE, MINUS, SPREAD = "\N{EN DASH}", "\N{MINUS SIGN}", "\N{PLUS-MINUS SIGN}"


def percent(value: float | None) -> str:
    """Return a fraction as per cent with one decimal; a dash for None."""
    return NONE if value is None else f"{100 * value:.1f}"


def spread(mean: float | None, std: float | None) -> str:
    """Return a fraction as per cent, with its standard deviation where it has one."""
    return percent(mean) if std is None else f"{percent(mean)} {SPREAD} {percent(std)}"


def absence(names: Sequence[str], split: str) -> str:
    """Return the sentence on the classes that the masks of a split never show."""
    what, s = ("class", "s") if len(names) == 1 else ("classes", "")
    head = f"{len(names)} {what} never occur{s} in the {split} masks and count{s} as 0"
    return f"{head}: {', '.join(names)}"


def change(value: float, base: float) -> str:
    """Return the signed difference of two fractions in points, with a true minus sign."""
    return f"{100 * (value - base):+.1f}".replace("-", MINUS)


def headroom(runs: Sequence[Run]) -> float:
    """Return the common full scale of the bars: the best mIoU, rounded up to a tenth."""
    found = [step.result["miou"] or 0 for run in runs for step in steps(run)]
    return min(1.0, (int(10 * max(found, default=0)) + 1) / 10)


def waterfall(found: Sequence[Step], scale: float) -> list[Row]:
    """Return the bars of one run, each split into the part shared with its base and the change.

    Args:
        found: the steps of the run.
        scale: mIoU at the right end of the axis.

    Returns:
        Rows with label, note, reference, value, change and base (text), kind (gain, loss,
        none), solid, shift (per cent of the axis): the bar is `solid` wide and the change `shift`.
    """
    by_key = {step.key: step for step in found}
    judged = [step for step in found if step.result["miou"] is not None]
    return [_bar(step, by_key.get(step.base), scale) for step in judged]


def _bar(step: Step, base: Step | None, scale: float) -> Row:
    value = step.result["miou"]
    start = value if base is None else base.result["miou"]
    kind = "none" if base is None else ("gain" if value >= start else "loss")
    return {
        "label": step.label,
        "note": step.note,
        "reference": step.reference,
        "value": percent(value),
        "change": "" if base is None else change(value, start),
        "base": "" if base is None else base.label.lower(),
        "kind": kind,
        "solid": 100 * min(value, start) / scale,
        "shift": 100 * abs(value - start) / scale,
    }


def comparison(runs: Sequence[Run], figure: str = "miou") -> Row:
    """Return a figure of every stage (rows) and run (columns), the best of each row marked."""
    found = {run.name: {step.key: step for step in steps(run)} for run in runs}
    labels = {key: step for by_key in found.values() for key, step in by_key.items()}
    rows = [
        {"label": step.label, "note": step.note, "cells": _cells(found, key, figure)}
        for key, step in labels.items()
    ]
    return {"runs": [run.name for run in runs], "rows": rows}


def _cells(found: Mapping[str, Mapping[str, Step]], key: str, figure: str) -> list[Row]:
    values = [by[key].result[figure] if key in by else None for by in found.values()]
    best = max((value for value in values if value is not None), default=None)
    several = len(values) > 1
    return [{"value": percent(v), "best": several and v is not None and v == best} for v in values]


def quality(found: Sequence[Step]) -> list[Row]:
    """Return per stage what describes it beyond mIoU, including what needs no masks."""
    return [
        {
            "label": step.label,
            "note": step.note,
            "miou": percent(step.result["miou"]),
            "present": percent(step.result["miou_present"]),
            "precision": percent(step.result["precision"]),
            "recall": percent(step.result["recall"]),
            "agreement": percent(step.result["label_agreement"]),
            "coverage": percent(step.result["coverage"]),
        }
        for step in found
    ]


def classes(found: Sequence[Step], names: Sequence[str]) -> Row:
    """Return IoU per class (rows) for the seed, the pseudo labels and the segmenters (columns)."""
    shown = [
        step
        for step in found
        if step.result["iou"] and not step.reference and not step.key.startswith("crf")
    ]
    rows = [
        {"label": name, "cells": [_iou_cell(step, name) for step in shown]}
        for name in ("background", *names)
    ]
    return {"columns": [step.label for step in shown], "rows": rows}


def _iou_cell(step: Step, name: str) -> Row:
    value = step.result["iou"][name]
    return {"value": percent(value), "width": 100 * value}


def costs(run: Run) -> list[Row]:
    """Return jobs, time and peak memory per stage, with a closing total."""
    rows = [_cost(cost.stage, cost.jobs, cost.seconds, cost.memory) for cost in run.costs]
    if not rows:
        return []
    memory = max((cost.memory for cost in run.costs if cost.memory is not None), default=None)
    jobs, seconds = sum(c.jobs for c in run.costs), sum(c.seconds for c in run.costs)
    return [*rows, _cost("all", jobs, seconds, memory) | {"total": True}]


def _cost(stage: str, jobs: int, seconds: float, memory: float | None) -> Row:
    shown = NONE if memory is None else f"{memory:,.0f}"
    return {"label": stage, "jobs": jobs, "time": duration(seconds), "memory": shown}


def duration(seconds: float) -> str:
    """Return a time as h:mm:ss, or with a decimal when it is below a minute."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def summary_rows(runs: Iterable[Run]) -> list[Row]:
    """Return one row per run and stage with the columns `SUMMARY`."""
    return [summary_row(run.name, step, 1, {}) for run in runs for step in steps(run)]


def summary_row(name: str, step: Step, seeds: int, std: Mapping[str, float | None]) -> Row:
    """Return the columns `SUMMARY` of a step; `std` holds the figures' standard deviations."""
    spreads = {f"{figure}_std": value for figure, value in std.items()}
    known = {"run": name, "stage": step.key, "seeds": seeds, **step.result, **spreads}
    return {column: _plain(known.get(column)) for column in SUMMARY}


def _plain(value: float | int | str | None) -> str:
    if value is None:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def summary_text(rows: Iterable[Row]) -> str:
    """Return the rows as the text of summary.tsv."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, SUMMARY, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


_PRINTED = {
    "run": "run",
    "stage": "stage",
    "miou": "mIoU %",
    "miou_present": "of present %",
    "images": "masks",
    "label_agreement": "agreement %",
    "images_predicted": "images",
    "split": "split",
    "ground_truth": "ground truth",
}
"""Columns of the terminal's table: name in summary.tsv -> heading."""


def table(summary: str) -> str:
    """Return the text of summary.tsv as a plain table for the terminal, fractions in per cent.

    The mIoU of several seeds stands with its standard deviation.
    The mIoU of the classes present is left out where it is no other than mIoU.
    """
    rows = list(csv.DictReader(io.StringIO(summary), delimiter="\t"))
    same = all(row["miou_present"] == row["miou"] for row in rows)
    shown = {k: v for k, v in _PRINTED.items() if not (same and k == "miou_present")}
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, heading in shown.items():
        text = name in ("run", "stage", "split", "ground_truth")
        grid.add_column(heading, justify="left" if text else "right")
    for row in rows:
        grid.add_row(*(_printed(row, name, heading) for name, heading in shown.items()))
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(grid)
    return "\n".join(line.rstrip() for line in console.file.getvalue().strip("\n").splitlines())


def _printed(row: Mapping[str, str], name: str, heading: str) -> str:
    if not heading.endswith("%"):
        return row[name]
    mean, std = row[name], row.get(f"{name}_std")
    return spread(float(mean) if mean else None, float(std) if std else None)
