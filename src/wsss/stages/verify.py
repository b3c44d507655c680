"""Compare every result of the runs of a configuration with its checksums, and say how to mend it.

The files are read as snakemake --configfile reads them: on top of config.yaml of the current
folder, later ones win. Nothing is changed. The exit code is 2 if something is damaged.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from wsss.errors import SHOWN, UserError
from wsss.io.progress import log, track
from wsss.plan.artifact import Artifact
from wsss.plan.links import wrong_links
from wsss.stages.damage import Damage, damages
from wsss.workflow.arguments import add_configs_argument
from wsss.workflow.plans import planned


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_configs_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Check all artifacts that are there, and the links to them.

    Raises:
        UserError: none is there; or some are damaged: names them and the folders to remove.
    """
    plan = planned(args.configs)
    there = [a for a in plan.artifacts.values() if Path(a.path).is_file()]
    if not there:
        raise UserError(
            f"{plan.store}: no result of this configuration is there, with the present code and "
            "data; wsss run makes them"
        )
    log.info("%s: %d of %d results are there", plan.store, len(there), len(plan.artifacts))
    found = [(a, d) for a in track(there, "verify") for d in damages(a, plan.store)]
    wrong = list(wrong_links(plan))
    if found or wrong:
        raise UserError("\n".join([*_damage(found), *_links(wrong)]))
    log.info("nothing is damaged")


def _damage(found: Sequence[tuple[Artifact, Damage]]) -> Iterator[str]:
    """Yield the damaged files and the remedy."""
    if not found:
        return
    # a file of several images may be damaged for each of them
    texts = dict.fromkeys(f"{d.text} ({a.stage} of {a.users})" for a, d in found)
    yield f"damaged files: {len(texts)}"
    yield from (f"  {text}" for text in list(texts)[:SHOWN])
    if len(texts) > SHOWN:
        yield f"  ... {len(texts) - SHOWN} more"
    yield "remove these folders, and wsss run makes their results again:"
    yield from dict.fromkeys(f"  {damage.folder}" for _, damage in found)


def _links(wrong: Sequence[str]) -> Iterator[str]:
    """Yield the links that lead elsewhere, and the remedy."""
    if wrong:
        yield f"links that do not lead to their results: {len(wrong)}"
        yield from (f"  {line}" for line in wrong)
        yield "wsss run sets them again"
