"""Run the benchmarks and write their table: python -m benchmarks [NAME ...] [--out FILE]."""

import argparse
import os
import platform
import sys
from importlib import import_module
from pathlib import Path

import cv2

from benchmarks.row import HEADER, MissingError, Row, write

FOLDER = Path(__file__).parent
NAMES = (
    "crf",
    "par",
    "affinity_loss",
    "walk",
    "evaluation",
    "inference",
    "samples",
    "training_step",
    "startup",
)
"""The benchmarks in the order of the table."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main() -> int:
    """Run the chosen benchmarks, with one thread; return 2 if one of them lacks something."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--out", type=Path, default=FOLDER / "results.md", help="table to write")
    args = parser.parse_args()
    if unknown := sorted(set(args.names) - set(NAMES)):
        parser.error(f"no benchmark {unknown[0]}: choose from {', '.join(NAMES)}")
    cv2.setNumThreads(1)
    rows: list[Row] = []
    missing = False
    write(HEADER)
    for name in args.names or NAMES:
        try:
            for row in import_module(f"benchmarks.{name}").rows():
                write(row)
                rows.append(row)
        except MissingError as error:
            sys.stderr.write(f"{name}: not measured: {error}\n")
            missing = True
    args.out.write_text(table(rows), encoding="utf-8")
    return 2 if missing else 0


def table(rows: list[Row]) -> str:
    """Return the table in Markdown."""
    processor = platform.processor() or platform.machine()
    title = f"CPU time of one thread of {processor}, Python {platform.python_version()}."
    return "\n".join([title, "", HEADER, *map(str, rows), ""])


if __name__ == "__main__":
    # read where numpy, torch and numba are imported
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.environ |= dict.fromkeys(THREADS, "1")
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]])
    sys.exit(main())
