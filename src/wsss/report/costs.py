"""Tables of time, memory and disk."""

from collections.abc import Sequence

from wsss.io.units import size_text, time_text
from wsss.report.content import RunResults, StageCost
from wsss.report.tables import NONE, Row


def table(run: RunResults) -> list[Row]:
    """Return jobs, times, peak memory and disk of every stage of a run, and a closing total."""
    if not run.costs:
        return []
    rows = [_row(cost.stage, cost) for cost in run.costs]
    return [*rows, _row("all", _total(run.costs)) | {"total": True}]


def comparison(runs: Sequence[RunResults]) -> Row:
    """Return the time of every stage (columns) of the runs (rows), and the totals of each run."""
    known = [run for run in runs if run.costs]
    stages = list(dict.fromkeys(cost.stage for run in known for cost in run.costs))
    rows = []
    for run in known:
        seconds = {cost.stage: time_text(cost.seconds) for cost in run.costs}
        cells = [seconds.get(stage, NONE) for stage in stages]
        rows.append(_row(run.name, _total(run.costs)) | {"cells": cells})
    return {"stages": stages, "rows": rows}


def _total(costs: Sequence[StageCost]) -> StageCost:
    cpu = [cost.cpu for cost in costs if cost.cpu is not None]
    return StageCost(
        stage="all",
        jobs=sum(cost.jobs for cost in costs),
        seconds=sum(cost.seconds for cost in costs),
        memory=max((cost.memory for cost in costs if cost.memory is not None), default=None),
        cpu=sum(cpu) if cpu else None,
        size=sum(cost.size for cost in costs),
    )


def _row(label: str, cost: StageCost) -> Row:
    return {
        "label": label,
        "jobs": cost.jobs,
        "time": time_text(cost.seconds),
        "cpu": NONE if cost.cpu is None else time_text(cost.cpu),
        "memory": NONE if cost.memory is None else size_text(1e6 * cost.memory),
        "disk": size_text(cost.size),
    }
