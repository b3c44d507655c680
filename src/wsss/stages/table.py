"""Print the runs of a configuration as a table of stages or of classes, for a paper or a page.

Repeats of a run are one row, mean and sample standard deviation; published values stand below the
runs of their recipes. Nothing is computed: the numbers are those of summary.tsv and classes.tsv
beside the report.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from wsss.errors import UserError
from wsss.metrics.result import METRICS
from wsss.plan.artifacts import Plan
from wsss.products import SPLITS
from wsss.report.compare import comparison, splits
from wsss.report.tables import read_rows, spread, tsv_text
from wsss.report.terminal import fitted
from wsss.report.verdicts import SummaryRow, without_repeats
from wsss.workflow.arguments import add_configs_argument
from wsss.workflow.plans import beside_report, planned

_METRICS = [name for name, metric in METRICS.items() if metric.summary]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_configs_argument(parser)
    parser.add_argument(
        "--format", choices=FORMATS, default="terminal", help="form of the table; default: terminal"
    )
    parser.add_argument("--split", choices=SPLITS, help="one split; default: all that are there")
    parser.add_argument("--metric", choices=_METRICS, default="miou", help="default: miou")
    parser.add_argument(
        "--classes", action="store_true", help="IoU of every class, of the last masks of each run"
    )


def run(args: argparse.Namespace) -> None:
    """Print the table.

    Raises:
        UserError: the runs have no report yet, or no such numbers.
    """
    plan = planned(args.configs)
    if args.classes and args.metric != "miou":
        raise UserError("--metric: classes are compared by IoU alone; classes.tsv has others")
    summary = _read(plan, "summary.tsv", args.split)
    if args.classes:
        table = _classes(_read(plan, "classes.tsv", args.split), summary)
    else:
        table = _stages(summary, args.metric)
    if len(table) < 2:
        without = "it was not measured"
        if args.metric == "miou":
            without = "the data set has no masks; --metric label_agreement shows what needs none"
        raise UserError(f"{plan.folder}: no {METRICS[args.metric].title} to show; {without}")
    sys.stdout.write(FORMATS[args.format](table))


def _read(plan: Plan, name: str, split: str | None) -> list[dict[str, str]]:
    """Read the rows of a table beside the report, of one split or all."""
    rows = read_rows(beside_report(plan, name))
    return [row for row in rows if split in (None, row["split"])]


def _stages(rows: Sequence[SummaryRow], metric: str) -> list[list[str]]:
    """Return a header and a row per run, per cent by stage."""
    tables = [comparison(rows, split, metric) for split in splits(rows)]
    stages = list(dict.fromkeys(stage for table in tables for stage in table.stages))
    circular = {stage for table in tables for stage in table.circular}
    headings = (f"{stage} (circular)" if stage in circular else stage for stage in stages)
    found = [["run", "split", "seeds", *headings]]
    for table in tables:
        for line in table.lines:
            own = {s: cell.text for s, cell in zip(table.stages, line.cells, strict=True)}
            published = line.kind == "published"
            head = [line.run + (", published" if published else ""), table.split]
            head += ["" if published else str(line.seeds)]
            found.append([*head, *(own.get(stage, "") for stage in stages)])
    return found


def _classes(rows: Sequence[SummaryRow], summary: Sequence[SummaryRow]) -> list[list[str]]:
    """Return a header and a row per class, IoU in per cent by run, and their mean.

    Args:
        rows: the rows of classes.tsv; the last masks of each run count.
        summary: the rows of summary.tsv.
    """
    means = [row for row in without_repeats(rows) if not row["reference"]]
    last = {(row["run"], row["split"]): row["stage"] for row in means}
    # the mean is that of no class, whatever their names
    found: dict[str, dict[str | None, dict[str, str]]] = {}
    for measure, of in (("iou", means), ("miou", list(without_repeats(summary)))):
        for row in of:
            if last.get((row["run"], row["split"])) == row["stage"]:
                lines = found.setdefault(row["split"], {})
                lines.setdefault(row.get("class"), {})[row["run"]] = _value(row, measure)
    runs = list(dict.fromkeys(row["run"] for row in means))
    body = [
        ["mean" if name is None else name, split, *map(own.get, runs)]
        for split, lines in found.items()
        for name, own in lines.items()
    ]
    return [["class", "split", *runs], *([cell or "" for cell in row] for row in body)]


def _value(row: SummaryRow, measure: str) -> str:
    std = row[f"{measure}_std"]
    return spread(float(row[measure]), float(std) if std else None)


def _terminal(table: Sequence[Sequence[str]]) -> str:
    header, *rows = table
    return f"{fitted(header, rows, [place < 2 for place in range(len(header))])}\n"


def _markdown(table: Sequence[Sequence[str]]) -> str:
    header, *rows = table
    marks = ["---" if place < 2 else "--:" for place in range(len(header))]
    return "".join(f"| {' | '.join(_escaped(row))} |\n" for row in (header, marks, *rows))


def _escaped(row: Sequence[str]) -> Iterator[str]:
    return (cell.replace("|", r"\|") for cell in row)


def _latex(table: Sequence[Sequence[str]]) -> str:
    import pandas as pd

    header, *rows = table
    frame = pd.DataFrame([*rows], columns=[*header])
    text = frame.to_latex(index=False, escape=True, column_format="ll" + "r" * (len(header) - 2))
    return text.replace("\N{PLUS-MINUS SIGN}", r"$\pm$")


def _tsv(table: Sequence[Sequence[str]]) -> str:
    header, *rows = table
    return tsv_text(header, [dict(zip(header, row, strict=True)) for row in rows])


FORMATS: Mapping[str, Callable[[Sequence[Sequence[str]]], str]] = {
    "terminal": _terminal,
    "markdown": _markdown,
    "latex": _latex,
    "tsv": _tsv,
}
"""Forms of the table."""
