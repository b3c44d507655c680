"""Plan a run for your images and this machine.

Writes fingerprint.json, the facts, and plan.yaml, a configuration with your keys, the recipe for
photographs and what is derived from the facts, each value with its reason. Files are read like
those of snakemake --configfile: after config.yaml of the current folder, and later ones have
precedence.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from wsss.config.files import merged
from wsss.config.planned import BUDGETS
from wsss.config.resolve import load
from wsss.data.alike import alike
from wsss.data.contents import DIGESTS, FileContents
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.planning.advice import limits
from wsss.planning.document import counted, plan_text, scalar
from wsss.planning.fingerprint import Fingerprint, fingerprint
from wsss.planning.hardware import hardware_here
from wsss.planning.planned import data_digest
from wsss.planning.planner import Planning, make_plan
from wsss.stages.check import checked
from wsss.workflow.arguments import add_configs_argument

PLAN, FACTS, BEFORE = "plan.yaml", "fingerprint.json", "plan.before.yaml"
"""Files of a plan: it, what it was made for, and the plan that was there before."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_configs_argument(parser, "+")
    parser.add_argument(
        "--budget",
        choices=BUDGETS,
        default="good",
        help="quick = pseudo labels in minutes; good = the recipe for photographs; best = a GPU",
    )
    parser.add_argument(
        "--out", type=Path, help="folder of the two files; default: that of the results"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="images at a time")


def run(args: argparse.Namespace) -> None:
    """Write the plan, and print what no recipe can mend, and what was derived.

    Raises:
        UserError: a mistake in the configuration or the data, or the data are generated.
    """
    own = merged(args.configs)
    config = load(own)
    if config.plan:
        raise UserError(
            "this is a plan already; give the configuration that it was made from, or leave out "
            "the section plan to keep its values as yours"
        )
    if config.dataset.capabilities.generated:
        raise UserError("dataset.source demo has a recipe of its own; plan for your own images")
    examined, masked = checked(config, args.threads)
    groups = alike(examined.thumbnails())
    data = data_digest(FileContents(config.dataset, DIGESTS))
    found = fingerprint(config.dataset.name, data, examined, masked, groups, hardware_here())
    made, lines = make_plan(own, args.budget, found), list(limits(examined.index, groups))
    out = args.out or Path(config.results, config.dataset.name)
    kept = _write(out, plan_text(made, found, lines, str(out / PLAN)), found)
    _print(made, found, lines)
    _print_files(out, kept)


def _write(out: Path, text: str, found: Fingerprint) -> bool:
    """Write the files; return True if another plan was there, which is kept."""
    path = out / PLAN
    kept = path.is_file() and path.read_bytes() != text.encode()
    if kept:
        path.replace(out / BEFORE)
    write_text(out / FACTS, found.to_json())
    write_text(path, text)
    return kept


def _print(made: Planning, found: Fingerprint, lines: Sequence[str]) -> None:
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    if lines:
        console.print("No recipe can mend:", style="bold")
        for line in lines:
            console.print(f"  * {line}", style="yellow")
    console.print(f"Plan {made.planned.budget} for {found.name}: {counted(found)}", style="bold")
    console.print(f"  on {found.hardware}")
    if made.planned.budget == "best" and not found.hardware.gpus:
        console.print("  best is meant for a GPU, and there is none", style="yellow")
    if not made.changed:
        console.print("  the recipe suits the data and the machine as it is")
    for choice in made.changed:
        console.print(f"  {choice.key}: {scalar(choice.value)}  ({choice.reason})")


def _print_files(out: Path, kept: bool) -> None:
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    if kept:
        console.print(f"The plan that was there is kept in {out / BEFORE}")
    console.print(f"Written: {out / PLAN}, with a reason for every value, and {out / FACTS}")
    console.print(f"Time and memory: wsss forecast {out / PLAN}")
    console.print(f"Run it: wsss run {out / PLAN}")
