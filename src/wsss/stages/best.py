"""Rank the runs of a configuration: by mIoU, or without masks by a criterion that may choose.

The files are read as snakemake --configfile reads them: on top of config.yaml of the current
folder, later ones win. Nothing is computed: the numbers are those of the report's summary.tsv. The
exit code is 2 if nothing can choose.
"""

import argparse
from collections.abc import Sequence

from rich import box
from rich.table import Table

from wsss.errors import UserError
from wsss.io.progress import log
from wsss.metrics import choice
from wsss.metrics.result import CRITERIA, METRICS
from wsss.report.ranking import (
    RankCorrelation,
    Standing,
    chosen_metric,
    correlations,
    ranking,
)
from wsss.report.tables import percent, read_rows, spread
from wsss.report.terminal import plain
from wsss.report.verdicts import SummaryRow
from wsss.workflow.arguments import add_configs_argument
from wsss.workflow.plans import beside_report, planned


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_configs_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Print the ranking, and the rank correlation of every criterion with mIoU.

    Raises:
        UserError: the runs have no report yet, or nothing can choose among them.
    """
    rows = read_rows(beside_report(planned(args.configs), "summary.tsv"))
    if found := correlations(rows):
        log.info("rank correlation with mIoU (Spearman):\n%s", plain(_correlations(found)))
    chosen = chosen_metric(rows)
    if chosen is None:
        for name in CRITERIA:
            if standings := _any_split(rows, name):
                log.info("%s, which chooses nothing:\n%s", METRICS[name].title, _ranked(standings))
        raise UserError(
            f"there are no masks, so that nothing can choose: {choice.reason()} Masks of a few "
            "images in the column mask of the table can"
        )
    metric, split = chosen
    standings = ranking(rows, metric, split)
    log.info("runs by %s on %s, in %%:\n%s", METRICS[metric].title, split, _ranked(standings))
    if metric != "miou":
        log.info(choice.reason())
    log.info("best: %s%s", standings[0].run, _doubt(standings))


def _any_split(rows: Sequence[SummaryRow], metric: str) -> list[Standing]:
    return ranking(rows, metric, "val") or ranking(rows, metric, "train")


def _doubt(standings: Sequence[Standing]) -> str:
    """Return the remark on a lead that is within the spread of the seeds; empty if it is not."""
    if len(standings) < 2:
        return ", the only run"
    first, second = standings[:2]
    lead, spreads = first.value - second.value, [first.std or 0.0, second.std or 0.0]
    if lead <= max(spreads):
        return f", but its lead over {second.run} ({percent(lead)}) is within the spread of seeds"
    return ""


def _ranked(standings: Sequence[Standing]) -> str:
    """Return the table of the runs."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("run", "stage", "seeds", "value"):
        grid.add_column(heading, justify="right" if heading in ("seeds", "value") else "left")
    for one in standings:
        grid.add_row(one.run, one.stage, str(one.seeds), spread(one.value, one.std))
    return plain(grid)


def _correlations(found: Sequence[RankCorrelation]) -> Table:
    """Return the table of the correlations: a row per split and stage, a column per criterion."""
    names = list(dict.fromkeys(one.criterion for one in found))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for one in found:
        text = "all equal" if one.value is None else f"{one.value:+.2f}"
        cells.setdefault((one.split, one.stage), {})[one.criterion] = f"{text} ({one.runs})"
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("split", "stage", *(METRICS[name].title for name in names)):
        grid.add_column(heading)
    for (split, stage), by_name in cells.items():
        grid.add_row(split, stage, *(by_name.get(name, "") for name in names))
    return grid
