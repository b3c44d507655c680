"""Print the JSON schema of the configuration, for completion in editors."""

import argparse
import sys
from pathlib import Path

from wsss.config.schema import schema_text
from wsss.io.atomic import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--out", type=Path, help="write the schema to this file instead")


def run(args: argparse.Namespace) -> None:
    """Print the schema, or write it to a file."""
    if args.out is None:
        sys.stdout.write(schema_text())
    else:
        write_text(args.out, schema_text())
