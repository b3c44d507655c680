"""IoU, precision and recall of every class: the rows of classes.tsv."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean, stdev

import numpy as np

from wsss import runnames
from wsss.metrics.confusion import iou, label_precision_recall
from wsss.report.content import RunResults, Step, steps
from wsss.report.tables import Row, row_text, tsv_text

MEASURES = ("iou", "precision", "recall")

CLASSES = (
    *("run", "split", "stage", "class", "seeds", *MEASURES),
    *(f"{name}_std" for name in MEASURES),
    *("pixels", "product", "reference"),
)
"""Columns of classes.tsv; measures are fractions, `pixels` are those of the class in the masks.

A row of several seeds holds their means and sample standard deviations; `reference` marks an upper
bound.
"""


def rows(runs: Iterable[RunResults], names: Sequence[str]) -> list[Row]:
    """Return a row per run, stage and class, and one per group of repeats.

    Args:
        runs: the runs of one split.
        names: foreground classes.
    """
    labels = ("background", *names)
    found = [row for run in runs for step in steps(run) for row in _rows(run.name, step, labels)]
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in found:
        if group := runnames.group(row["run"]):
            groups.setdefault((group, row["stage"], row["class"]), []).append(row)
    found += [_mean(group, same) for (group, *_), same in groups.items() if len(same) > 1]
    return [row_text(CLASSES, row) for row in found]


def text(found: Iterable[Mapping[str, str]]) -> str:
    """Return the rows as the text of classes.tsv."""
    return tsv_text(CLASSES, found)


def _rows(run: str, step: Step, labels: Sequence[str]) -> Iterator[Row]:
    """Yield a row per label of a step that was compared with masks."""
    metrics = step.metrics
    if metrics.confusion is None:
        return
    counts = np.array(metrics.confusion)
    precision, recall = label_precision_recall(counts)
    columns = (iou(counts), precision, recall, counts.sum(axis=1))
    for name, *values in zip(labels, *(column.tolist() for column in columns), strict=True):
        yield {
            **{"run": run, "split": metrics.split, "stage": step.key, "class": name, "seeds": 1},
            **dict(zip((*MEASURES, "pixels"), values, strict=True)),
            **{"product": step.product, "reference": step.reference},
        }


def _mean(group: str, same: Sequence[Row]) -> Row:
    values = {name: [row[name] for row in same] for name in MEASURES}
    means = {name: fmean(found) for name, found in values.items()}
    spreads = {f"{name}_std": stdev(found) for name, found in values.items()}
    return dict(same[0]) | means | spreads | {"run": group, "seeds": len(same)}
