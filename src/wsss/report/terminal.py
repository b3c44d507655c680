"""The table of results and its verdicts on the terminal."""

import io
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wsss.metrics.result import CRITERIA, METRICS
from wsss.report import differences
from wsss.report.tables import read_rows, spread
from wsss.report.verdicts import Verdict, verdicts, without_repeats


def _columns(masks: bool) -> dict[str, str]:
    return {
        name: f"{metric.short} %"
        for name, metric in METRICS.items()
        if metric.terminal and metric.needs_masks == masks
    }


_PRINTED = {
    "run": "run",
    "stage": "stage",
    **_columns(masks=True),
    "published": "published %",
    "images": "masks",
    **_columns(masks=False),
    "images_predicted": "images",
    "map": "mAP %",
    "f1": "F1 %",
    "split": "split",
    "ground_truth": "ground truth",
}
"""Columns of the terminal's table: name in summary.tsv -> heading."""


def table(summary: str) -> str:
    """Return the text of summary.tsv as a plain table for the terminal, fractions in per cent.

    Repeats of a run are one row: means, with their standard deviation beside them. Metrics over the
    classes present are left out where they equal the mIoU.
    """
    rows = list(without_repeats(read_rows(summary)))
    columns = {name: heading for name, heading in _PRINTED.items() if _is_shown(rows, name)}
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, heading in columns.items():
        text = name in ("run", "stage", "split", "ground_truth")
        grid.add_column(heading, justify="left" if text else "right")
    for row in rows:
        grid.add_row(*(_printed(row, name, heading) for name, heading in columns.items()))
    return plain(grid)


def plain(grid: Table) -> str:
    """Return a table as text without colours, as wide as it is."""
    buffer = io.StringIO()
    Console(file=buffer, width=1000, color_system=None, markup=False).print(grid)
    return "\n".join(line.rstrip() for line in buffer.getvalue().strip("\n").splitlines())


def _is_shown(rows: Sequence[Mapping[str, str]], name: str) -> bool:
    """Return False for a column over the classes present that repeats the mIoU, and empty ones.

    Criteria of location take the place of the mIoU where there is none.
    """
    if name in CRITERIA:
        return any(row[name] for row in rows) and not any(row["miou"] for row in rows)
    if name in METRICS and METRICS[name].if_absent:
        return any(row[name] != row["miou"] for row in rows)
    return name not in ("miou_background", "published", "map", "f1") or any(
        row[name] for row in rows
    )


def _printed(row: Mapping[str, str], name: str, heading: str) -> str:
    if not heading.endswith("%"):
        return row[name]
    mean, std = row[name], row.get(f"{name}_std")
    text = spread(float(mean) if mean else None, float(std) if std else None)
    return f"circular {text}" if name == "label_agreement" and row["circular"] else text


def lines(found: Iterable[Verdict]) -> list[str]:
    """Return verdicts as lines of the log."""
    return [f"{one.run}, {one.split}: {one.text}; {one.remedy}" for one in found]


def show(summary: str, compared: str = "") -> None:
    """Print the table of summary.tsv and verdicts, the worst in red if this is a terminal.

    Args:
        summary: text of summary.tsv.
        compared: text of differences.tsv.
    """
    console = Console(highlight=False)
    console.print(Text(table(summary)), soft_wrap=True)
    found = verdicts(read_rows(summary))
    found += differences.verdicts(differences.read(read_rows(compared)))
    for one, line in zip(found, lines(found), strict=True):
        console.print(Text(line, "bold red" if one.bad else ""), soft_wrap=True)
    if found:
        console.print("The glossary of the report explains the words of these lines.")
