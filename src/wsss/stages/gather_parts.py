"""Gather the parts of a split that jobs of their own have made."""

import argparse
from pathlib import Path

from wsss.io.arguments import received
from wsss.io.progress import log
from wsss.io.records import join


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--parts", type=received, required=True, help="a line per part: its record")
    parser.add_argument("--out", type=Path, required=True, help="record of the split to write")


def run(args: argparse.Namespace) -> None:
    """Write the record of a split from those of its parts."""
    parts = [Path(line) for line in args.parts.splitlines()]
    count = join(parts, args.out)
    log.info("gather_parts: %d images in %d parts", count, len(parts))
