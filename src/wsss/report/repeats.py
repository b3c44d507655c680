"""Runs that differ in their seed alone: the mean of their figures and how far they spread."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from wsss.report.content import Run, Step, steps
from wsss.report.tables import Row, spread, summary_row

REPEAT = re.compile(r"([^.]+)\.\d+")
"""Name of a repeat, `group.seed` (`wsss.config.resolve.runs`); names in the configuration have no
dot, and the helper run `group.seed.first` is no repeat."""

FIGURES = ("miou", "miou_present", "precision", "recall", "label_agreement")
_SHARED = ("split", "images", "ground_truth", "images_predicted")
_SHOWN = {"miou": "mIoU", "precision": "precision", "recall": "recall"}


@dataclass(frozen=True)
class Repeats:
    """What the repeats of a run achieved at one stage.

    Attributes:
        group: name of the run in the configuration.
        seeds: number of repeats that reached the stage.
        step: the stage; its result holds the means of `FIGURES` and what all repeats share.
        std: sample standard deviation of every figure.
    """

    group: str
    seeds: int
    step: Step
    std: Mapping[str, float | None]


def group_of(run: str) -> str | None:
    """Return the name of the group that a run repeats; None where it is no repeat."""
    match = REPEAT.fullmatch(run)
    return match[1] if match else None


def repeated(runs: Iterable[Run]) -> list[Repeats]:
    """Return every stage that two or more repeats of a run reached, all of one split."""
    found: dict[tuple[str, str], list[Step]] = {}
    for run in runs:
        if group := group_of(run.name):
            for step in steps(run):
                found.setdefault((group, step.key), []).append(step)
    return [_joined(group, same) for (group, _), same in found.items() if len(same) > 1]


def _joined(group: str, same: Sequence[Step]) -> Repeats:
    """Return the mean of a stage; a note that is not that of every repeat is left out."""
    first = same[0]
    values = {name: [step.result[name] for step in same] for name in FIGURES}
    # without masks the figures that need them are None in all repeats
    known = {name: numbers for name, numbers in values.items() if None not in numbers}
    empty = dict.fromkeys(FIGURES)
    means = empty | {name: fmean(numbers) for name, numbers in known.items()}
    shared = {name: first.result[name] for name in _SHARED}
    note = first.note if len({step.note for step in same}) == 1 else ""
    return Repeats(
        group=group,
        seeds=len(same),
        step=replace(first, note=note, result=shared | means),
        std=empty | {name: stdev(numbers) for name, numbers in known.items()},
    )


def summary_rows(runs: Iterable[Run]) -> list[Row]:
    """Return one row of summary.tsv per group and stage; the runs are of one split."""
    return [summary_row(r.group, r.step, r.seeds, r.std) for r in repeated(runs)]


def comparison(runs: Iterable[Run], judged: bool) -> Row | None:
    """Return the groups of repeats side by side at every stage; None without repeats.

    Args:
        runs: the runs of one split.
        judged: whether they were judged by masks; else label agreement is all there is.

    Returns:
        columns (headings), several (more than one group) and stages: label, note and groups with
        name, seeds and cells; of several groups the best cell of every stage and column is marked.
    """
    shown = _SHOWN if judged else {"label_agreement": "label agreement"}
    by_stage: dict[str, list[Repeats]] = {}
    for one in repeated(runs):
        by_stage.setdefault(one.step.key, []).append(one)
    if not by_stage:
        return None
    groups = {one.group for several in by_stage.values() for one in several}
    stages = [_stage(several, tuple(shown)) for several in by_stage.values()]
    return {"columns": [*shown.values()], "several": len(groups) > 1, "stages": stages}


def _stage(several: Sequence[Repeats], figures: Sequence[str]) -> Row:
    best = {name: max(one.step.result[name] or 0 for one in several) for name in figures}
    notes = {one.step.note for one in several}
    return {
        "label": several[0].step.label,
        "note": notes.pop() if len(notes) == 1 else "",
        "groups": [
            {
                "name": one.group,
                "seeds": one.seeds,
                "cells": [
                    {
                        "value": spread(one.step.result[name], one.std[name]),
                        "best": len(several) > 1 and one.step.result[name] == best[name],
                    }
                    for name in figures
                ],
            }
            for one in several
        ],
    }
