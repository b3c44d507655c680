"""Gather the parts of a split that jobs of their own have made."""

import argparse
from pathlib import Path

from wsss.io.progress import log
from wsss.io.records import join


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--parts", type=Path, nargs="+", required=True, help="records of all parts")
    parser.add_argument("--out", type=Path, required=True, help="record of the split to write")


def run(args: argparse.Namespace) -> None:
    """Write the record of a split from those of its parts."""
    count = join(args.parts, args.out)
    log.info("gather_parts: %d images in %d parts", count, len(args.parts))
