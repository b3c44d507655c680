"""List the results that no run of a configuration uses, with their sizes; remove them with --yes.

The files are read as snakemake --configfile reads them: on top of config.yaml of the current
folder, later ones win. Results of other configurations in the same folder count as unused, too:
name all configurations whose results shall stay, each behind a --keep.
"""

import argparse
from collections import defaultdict
from pathlib import Path

from wsss.io.progress import log
from wsss.io.units import size_text
from wsss.plan.links import remove_dead
from wsss.plan.unused import Unused, remove, unused
from wsss.workflow.arguments import add_configs_argument
from wsss.workflow.plans import planned


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_configs_argument(parser)
    parser.add_argument(
        "--keep",
        type=Path,
        nargs="+",
        action="append",
        default=[],
        help="files of another configuration whose results are kept; may be repeated",
    )
    parser.add_argument("--yes", action="store_true", help="remove what is listed")


def run(args: argparse.Namespace) -> None:
    """List what is unused, and remove it if asked to."""
    plans = [planned(files) for files in (args.configs, *args.keep)]
    kept = {Path(a.folder).resolve() for plan in plans[1:] for a in plan.artifacts.values()}
    found = [one for one in unused(plans[0]) if one.folder.resolve() not in kept]
    if not found:
        log.info("%s: everything is used", plans[0].store)
        return
    _print(found)
    if args.yes:
        remove(found)
        remove_dead(plans[0])
        log.info("removed %s", size_text(sum(one.size for one in found if not one.busy)))
    else:
        log.info("nothing was removed; add --yes to remove it")


def _print(found: list[Unused]) -> None:
    by_stage: dict[str, list[Unused]] = defaultdict(list)
    for one in found:
        by_stage[one.stage].append(one)
    for stage, several in by_stage.items():
        log.info("%s: %d, %s", stage, len(several), size_text(sum(one.size for one in several)))
        for one in several:
            note = ", being written now: kept" if one.busy else ""
            log.info("  %s  %s%s", one.folder, size_text(one.size), note)
    log.info("in all %s that no run uses", size_text(sum(one.size for one in found)))
