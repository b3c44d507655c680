"""Write the JSON schema of the configuration, for completion in editors."""

import argparse
import sys
from pathlib import Path

from wsss.config.schema import schema_text
from wsss.io.atomic import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("out", type=Path, nargs="?", help="file to write; without it, the terminal")


def run(args: argparse.Namespace) -> None:
    """Write the schema to a file or to the standard output."""
    if args.out is None:
        sys.stdout.write(schema_text())
    else:
        write_text(args.out, schema_text())
