"""The classifier's metrics on the image labels: rows of summary.tsv, table and sentences."""

from collections.abc import Mapping, Sequence
from statistics import stdev

from wsss import runnames
from wsss.metrics.classifier import ClassifierScores, ClassScore, mean_of_known
from wsss.report.content import RunResults
from wsss.report.tables import NONE, Row, percent, summary_columns


def summary_rows(runs: Sequence[RunResults]) -> list[Row]:
    """Return one row of summary.tsv per run, then one per group of repeats, all of one split."""
    found = {run.name: run.scores for run in runs if run.scores is not None}
    stages = {run.name: _stage(run) for run in runs}
    groups: dict[str, list[str]] = {}
    for name in found:
        if group := runnames.group(name):
            groups.setdefault(group, []).append(name)
    rows = [_row(name, stages[name], [scores]) for name, scores in found.items()]
    return rows + [
        _row(group, stages[names[0]], [found[name] for name in names])
        for group, names in groups.items()
        if len(names) > 1
    ]


def _stage(run: RunResults) -> str:
    return f"classifier {run.variants.get('classifier', '')}".rstrip()


def _row(name: str, stage: str, several: Sequence[ClassifierScores]) -> Row:
    mean = mean_scores(several)
    values = {
        key: [v for one in several if (v := getattr(one, key)) is not None] for key in ("map", "f1")
    }
    spreads = {f"{key}_std": stdev(v) for key, v in values.items() if len(v) > 1}
    known = {
        **{"run": name, "stage": stage, "product": "classifier", "split": mean.split},
        **{"ground_truth": "image labels", "images_predicted": mean.images},
        **{"map": mean.map, "f1": mean.f1, "not_learnt": ", ".join(mean.not_learnt)},
        "unjudged": ", ".join(mean.unjudged),
        "seeds": len(several),
    }
    return summary_columns(known | spreads)


def mean_scores(several: Sequence[ClassifierScores]) -> ClassifierScores:
    """Return the mean of evaluations of several classifiers on the same images."""
    first = several[0]
    if len(several) == 1:
        return first
    classes = {
        name: one.model_copy(
            update={
                key: mean_of_known(getattr(scores.classes[name], key) for scores in several)
                for key in ("ap", "f1")
            }
        )
        for name, one in first.classes.items()
    }
    means = {
        key: mean_of_known(getattr(scores, key) for scores in several) for key in ("map", "f1")
    }
    return first.model_copy(update={"classes": classes, **means})


def table(held_out: ClassifierScores, trained: ClassifierScores | None) -> Row:
    """Return the metrics of every class, the least average precision first, then the means.

    Args:
        held_out: evaluation on the split of the report.
        trained: evaluation on the training images.

    Returns:
        Rows with label, cells (images, AP and F1 of both splits) and bad, True for classes that are
        not learnt; `splits` with the names of the splits.
    """
    both = [scores for scores in (held_out, trained) if scores is not None]
    rows = [
        {
            "label": name,
            "bad": name in held_out.not_learnt,
            "cells": [cell for scores in both for cell in _cells(scores.classes[name])],
        }
        for name, one in sorted(held_out.classes.items(), key=_order)
    ]
    means = [
        cell
        for scores in both
        for cell in (f"{scores.images}", percent(scores.map), percent(scores.f1))
    ]
    total = {"label": "mean", "bad": False, "cells": means, "total": True}
    return {"rows": [*rows, total], "splits": [scores.split for scores in both]}


def _order(entry: tuple[str, ClassScore]) -> float:
    """Return the place of a class in the table; those without images are last."""
    ap = entry[1].ap
    return 2.0 if ap is None else ap


def _cells(one: ClassScore) -> list[str]:
    return [str(one.positives) if one.positives else NONE, percent(one.ap), percent(one.f1)]


def sentences(scores: ClassifierScores) -> list[str]:
    """Return a sentence on each class that the classifier does not recognise."""
    found: Mapping[str, ClassScore] = scores.not_learnt
    return [
        f"The classifier does not recognise {name} (AP {percent(one.ap)} %, "
        f"{one.positives} image{'s' if one.positives > 1 else ''}; in random order "
        f"{percent(one.chance)} %)."
        for name, one in sorted(found.items(), key=_order)
    ]
