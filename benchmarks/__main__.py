"""Run the benchmarks and write their table: python -m benchmarks [NAME ...] [--out FILE]."""

import argparse
import os
import platform
import sys
from importlib import import_module
from math import isnan
from pathlib import Path

from benchmarks.row import Row

FOLDER = Path(__file__).parent
NAMES = sorted({path.stem for path in FOLDER.glob("*.py")} - {"__init__", "__main__", "row", "gpu"})


def main() -> None:
    """Run the chosen benchmarks, one after the other on one core."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, choices=[*NAMES, []], metavar="NAME")
    parser.add_argument("--out", type=Path, default=FOLDER / "results.md", help="table to write")
    args = parser.parse_args()
    rows = []
    for name in args.names or NAMES:
        for row in import_module(f"benchmarks.{name}").rows():
            sys.stderr.write(f"{_line(row)}\n")
            rows.append(row)
    args.out.write_text(table(rows), encoding="utf-8")


def table(rows: list[Row]) -> str:
    """Return the table in Markdown."""
    lines = [
        f"One core of {platform.processor() or platform.machine()}, Python "
        f"{platform.python_version()}; medians of interleaved runs in CPU time.",
        "",
        "| workload | baseline | ours | ratio | bar | agreement | peak memory |",
        "|---|---|---|---|---|---|---|",
        *map(_line, rows),
        "",
    ]
    return "\n".join(lines)


def _line(row: Row) -> str:
    compared = not isnan(row.baseline)
    bar = f">= {row.bar:g} x" if compared else f"<= {_time(row.bar)}"
    cells = (
        row.workload,
        _time(row.baseline) if compared else "-",
        _time(row.ours),
        f"{row.ratio:.3g} x" if compared else "-",
        bar if row.reached else f"{bar}: **below**",
        row.agreement,
        row.memory or "-",
    )
    return f"| {' | '.join(cells)} |"


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


if __name__ == "__main__":
    # before numpy and torch are imported
    if os.environ.get("OMP_NUM_THREADS") != "1":
        os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]])
    main()
