"""The table of results and its verdicts on the terminal."""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console, JustifyMethod
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


WIDTH = 100
"""Columns of a terminal that tables fit."""

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

_SPARE = ("ground_truth", "f1", "images_predicted")
"""Columns that are left out, one after the other, while no `WIDTH` holds a row on one line."""


def table(summary: str) -> str:
    """Return the text of summary.tsv as a plain table for the terminal, fractions in per cent.

    Repeats of a run are one row: means, with their standard deviation beside them. Metrics over the
    classes present are left out where they equal the mIoU, and what does not fit a terminal.
    """
    rows = list(without_repeats(read_rows(summary)))
    columns = {name: heading for name, heading in _PRINTED.items() if _is_shown(rows, name)}
    for spare in _SPARE:
        if _width(_text(rows, columns, folds=False)) > WIDTH:
            columns.pop(spare, None)
    return _text(rows, columns)


def _text(rows: Sequence[Mapping[str, str]], columns: Mapping[str, str], folds: bool = True) -> str:
    cells = [[_printed(row, name, heading) for name, heading in columns.items()] for row in rows]
    texts = ("run", "stage", "split", "ground_truth") if folds else ()
    return fitted(list(columns.values()), cells, [name in texts for name in columns])


def _width(text: str) -> int:
    return max(map(len, text.splitlines()), default=0)


def fitted(headings: Sequence[str], rows: Sequence[Sequence[str]], texts: Sequence[bool]) -> str:
    """Return a table as text without colours, of at most `WIDTH` columns if its words allow it.

    Args:
        headings: the headings; those of a wide table are folded.
        rows: the cells.
        texts: whether a column holds texts, which are folded, too; the others hold numbers.
    """
    table, folded = (Table(box=box.SIMPLE_HEAD, pad_edge=False) for _ in range(2))
    folded.collapse_padding = True
    for place, (heading, is_text) in enumerate(zip(headings, texts, strict=True)):
        cells = [row[place] for row in rows]
        justify: JustifyMethod = "left" if is_text else "right"
        table.add_column(heading, justify=justify)
        whole = [word for cell in cells for word in (cell.split() if is_text else [cell])]
        least = max(map(len, whole), default=0)
        folded.add_column(heading.replace(" ", "\n"), justify=justify, min_width=least)
    for row in rows:
        table.add_row(*row)
        folded.add_row(*row)
    text = plain(table)
    return text if _width(text) <= WIDTH else plain(folded, WIDTH)


def plain(grid: Table, width: int = 1000) -> str:
    """Return a table as text without colours, as wide as it is, or folded to a width.

    Args:
        grid: the table.
        width: columns that it may have, unless its least widths need more.
    """
    buffer = io.StringIO()
    console = Console(file=buffer, width=1000, color_system=None, markup=False)
    console.width = max(width, console.measure(grid).minimum)
    console.print(grid)
    return "\n".join(line.rstrip() for line in buffer.getvalue().strip("\n").splitlines())


def _is_shown(rows: Sequence[Mapping[str, str]], name: str) -> bool:
    """Return False for a column over the classes present that repeats the mIoU, and empty ones.

    Criteria of location take the place of the mIoU where there is none.
    """
    if name in CRITERIA:
        return any(row[name] for row in rows) and not any(row["miou"] for row in rows)
    if name in METRICS and METRICS[name].if_absent:
        return any(row[name] != row["miou"] for row in rows)
    if name in ("miou", "images", "ground_truth"):
        return any(row["miou"] for row in rows)
    return name not in ("miou_background", "published", "map", "f1") or any(
        row[name] for row in rows
    )


def _printed(row: Mapping[str, str], name: str, heading: str) -> str:
    if not heading.endswith("%"):
        return row[name]
    mean, std = row[name], row.get(f"{name}_std")
    if name == "label_agreement" and row["circular"]:
        return "circular"  # the value says nothing
    return spread(float(mean) if mean else None, float(std) if std else None)


def lines(found: Iterable[Verdict]) -> list[str]:
    """Return verdicts as lines of the log."""
    return [f"{one.run}, {one.split}: {one.text}; {one.remedy}" for one in found]


def show(report: Path) -> None:
    """Print the table of summary.tsv and verdicts, the worst in red if this is a terminal.

    Args:
        report: folder with summary.tsv and differences.tsv.
    """
    summary, compared = (
        (report / f"{name}.tsv").read_text(encoding="utf-8") for name in ("summary", "differences")
    )
    console = Console(highlight=False)
    console.print(Text(table(summary)), soft_wrap=True)
    found = verdicts(read_rows(summary))
    found += differences.verdicts(differences.read(read_rows(compared)))
    for one, line in zip(found, lines(found), strict=True):
        console.print(Text(line, "bold red" if one.bad else ""), soft_wrap=True)
    if found:
        console.print("The glossary of the report explains the words of these lines.")
