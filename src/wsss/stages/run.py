"""Run the workflow: make what a configuration lacks, and show its results.

A configuration is a file, or the name of a recipe of this project, such as photos or voc12/seam;
the last one has precedence. `snakemake --cores all --configfile <files>` does the same; here each
stage has a line. With --dry-run it says what would be made, and why.
"""

import argparse
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import psutil
from rich.console import Console
from rich.live import Live
from rich.text import Text

from wsss.errors import Terminated, UserError
from wsss.fetch.networks import fetch_networks
from wsss.io.progress import log
from wsss.plan.artifacts import Plan
from wsss.plan.changes import Change, changes, missing
from wsss.plan.command import check_command
from wsss.plan.links import run_links
from wsss.planning.planned import data_digest, remarks
from wsss.report.terminal import show
from wsss.stages.options import integer
from wsss.workflow import environment, snakemake
from wsss.workflow.arguments import add_configs_argument
from wsss.workflow.plans import planned
from wsss.workflow.progress import Watch

_MODEL = "segment/model.pt"
_SHOWN = {
    "walk/train": "pseudo labels",
    _MODEL: "segmenter",
    "segment/val": "masks without image labels",
}
"""Readable names of what users look for, and their titles."""

_POLL = 0.5
"""Seconds between two looks at the artifacts."""

_SILENCE = 60
"""Seconds without a line after which a file that the output goes to is told what is running."""

_ERROR = "error: "
_UNEXPECTED = "unexpected error, "
_OF_SNAKEMAKE = re.compile(r"\[\w{3} |RuleException:|WorkflowError|$")
"""Beginning of the error of a job, and of the lines of Snakemake behind it, or an empty one."""

_LAST = 20
"""Lines of Snakemake's output that are shown where no job has named its error."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_configs_argument(parser)
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of what starts the workflow."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be made")
    parser.add_argument("--cores", type=integer(1), help="cores that jobs may take; default: all")
    parser.add_argument(
        "--snakemake",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="...",
        help="options of Snakemake: everything behind this word",
    )


def run(args: argparse.Namespace) -> None:
    """Run the workflow, or say what it would do.

    Raises:
        UserError: a mistake in the configuration or the data, or a job has failed.
    """
    files: list[Path] = args.configs
    plan = planned(files)
    # Snakemake says it, too, but its output is not shown
    for line in remarks(plan.config, data_digest(plan.contents)):
        log.info(line)
    if args.dry_run:
        for line in explained(changes(plan)):
            log.info(line)
        return
    make(plan, snakemake(files, args.cores, args.snakemake))
    if (report := Path(plan.report.path)).exists():
        show(report.parent)
    for line in results(plan):
        log.info(line)


def explained(found: Sequence[Change]) -> Iterator[str]:
    """Yield the lines of a dry run."""
    if not found:
        yield "nothing to do: everything is there"
        return
    for change in found:
        stages = (f"{s}{f' ({n} x)' if n > 1 else ''}" for s, n in change.stages.items())
        yield f"{'; '.join(change.reasons)}: {', '.join(stages)}"
    yield f"{sum(sum(change.stages.values()) for change in found)} artifacts would be made"


def make(plan: Plan, command: Sequence[str], quiet: bool = False) -> None:
    """Run Snakemake and show the progress of its stages.

    Args:
        plan: what is to be made.
        command: the command that starts Snakemake.
        quiet: show nothing.

    Raises:
        UserError: a job has failed, Snakemake refuses to start, or a network cannot be fetched.
    """
    check_command(command, Path.cwd())
    # Snakemake would do so, too, but with a traceback
    fetch_networks(plan)
    watch, console = Watch(missing(plan)), Console(highlight=False, quiet=quiet)
    with TemporaryFile("w+") as output:
        process = subprocess.Popen(command, env=environment(), stdout=output, stderr=output)
        try:
            with Live(console=console, transient=True, auto_refresh=False) as live:
                shown = time.monotonic()
                while process.poll() is None:
                    shown = _show(watch, live, shown)
                    time.sleep(_POLL)
                _show(watch, live, shown)
        except KeyboardInterrupt:
            # Snakemake has got it, too, and waits for checkpoints
            process.wait()
            raise
        except Terminated:
            _terminate(psutil.Process(process.pid))
            raise
        if process.returncode:
            raise UserError(_failure(output))


def _terminate(workflow: psutil.Process) -> None:
    """Terminate Snakemake and its jobs, which save their state first.

    On SIGTERM it starts no further jobs, but waits for those that run, and nothing else ends them.
    """
    workflow.terminate()
    for job in workflow.children():
        with suppress(psutil.NoSuchProcess):
            job.terminate()
    workflow.wait()


def results(plan: Plan) -> Iterator[str]:
    """Yield where the results are, and what can be done with them."""
    if Path(plan.folder, "report.html").exists():
        yield f"report: {plan.folder}/report.html"
    model = None
    for run, names in run_links(plan).items():
        there = {name for name in names if Path(plan.folder, run, name).exists()}
        found = [f"{title} {run}/{name}" for name, title in _SHOWN.items() if name in there]
        if found:
            yield f"{', '.join(found)}, all in {plan.folder}"
        if _MODEL in there and model is None:
            model = f"{plan.folder}/{run}/{_MODEL}"
    if model:
        yield f"masks of other images: wsss predict {model} <images> <masks>"


def _show(watch: Watch, live: Live, shown: float) -> float:
    """Show what has ended and what is running; return the time of the last line that stays.

    Args:
        watch: the stages.
        live: where they are shown.
        shown: that time before, of the monotonic clock.
    """
    running = "\n".join(watch.running())
    lines = list(watch.news())
    now, terminal = time.monotonic(), live.console.is_terminal
    if running and not lines and not terminal and now - shown > _SILENCE:
        lines = [running]
    for line in lines:
        live.console.print(Text(line), soft_wrap=True)
    live.update(Text(running), refresh=terminal)
    return now if lines else shown


def _failure(output: IO[str]) -> str:
    """Return the errors that jobs have named, or the end of Snakemake's output."""
    output.seek(0)
    lines = output.read().splitlines()
    found: list[str] = []
    inside = False
    for line in lines:
        starts = _ERROR in line[:9] or line.startswith(_UNEXPECTED)
        inside = starts or (inside and not _OF_SNAKEMAKE.match(line))
        if inside:
            found.append(line.removeprefix(_ERROR))
    return "\n".join(dict.fromkeys(found) or ["Snakemake has stopped:", *lines[-_LAST:]])
