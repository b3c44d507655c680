"""Command-line options of the stages that read a data source."""

import argparse
from pathlib import Path

from wsss.stages.options import add_config_argument


def add_source_arguments(parser: argparse.ArgumentParser, converted: bool = True) -> None:
    """Add the folders of the data set and the stage's keys; `converted` adds its drawn masks."""
    parser.add_argument("--root", type=Path, help="folder of the data instead of dataset.root")
    parser.add_argument("--augment", type=Path, help="folder instead of dataset.augment")
    add_config_argument(parser)
    if converted:
        parser.add_argument(
            "--converted", type=Path, nargs="*", default=[], help="records of converted masks"
        )
