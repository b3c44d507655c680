"""Show the runs of a configuration: what is finished, running or stale, and what it has cost."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from wsss.io.progress import log
from wsss.io.units import size_text, time_text
from wsss.pipeline import STEPS
from wsss.plan.artifact import Artifact
from wsss.plan.changes import Reasons, changes
from wsss.plan.unused import is_busy, size_of
from wsss.report.files import costs
from wsss.stages.console import plain_table
from wsss.stages.run import explained
from wsss.workflow.arguments import add_configs_argument
from wsss.workflow.plans import planned


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_configs_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Print a row for each run, and what a workflow would make now.

    Raises:
        UserError: a mistake in the configuration, or its data are not there.
    """
    plan = planned(args.configs)
    table = plain_table("run", *STEPS, "time", "on disk", left=1 + len(STEPS))
    reasons = Reasons(plan)
    for name in plan.runs:
        made: dict[str, list[Artifact]] = {}
        for owner, row, _, artifact in plan.products():
            if owner == name:
                made.setdefault(row.step, []).append(artifact)
        states = (_state(made.get(step, []), reasons) for step in STEPS)
        there = {one.folder: one.stage for found in made.values() for one in found if one.exists}
        benchmarks: dict[str, list[Path]] = {}
        for folder, stage in there.items():
            benchmarks.setdefault(stage, []).append(Path(folder, "benchmarks"))
        seconds = sum(cost.seconds for cost in costs(benchmarks))
        size = sum(size_of(Path(folder)) for folder in there)
        table.add_row(name, *states, time_text(seconds), size_text(size))
    Console(highlight=False).print(table)
    for line in explained(changes(plan)):
        log.info(line)


def _state(artifacts: Iterable[Artifact], reasons: Reasons) -> str:
    """Return the state of the artifacts of a step of a run; - for a step that it has not."""
    found = list(artifacts)
    if not found:
        return "-"
    if any(is_busy(Path(one.folder)) for one in found):
        return "running"
    if all(one.exists for one in found):
        return "finished"
    if any(reasons.is_stale(one) for one in found if not one.exists):
        return "stale"
    return f"{sum(one.exists for one in found)} of {len(found)}"
