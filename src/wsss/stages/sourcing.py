"""The options of the stages that read a data set as it is."""

import argparse
from pathlib import Path


def add_source_arguments(parser: argparse.ArgumentParser, converted: bool = True) -> None:
    """Add what says where the data set lies; `converted` adds the masks drawn for it."""
    parser.add_argument("--root", type=Path, help="folder of the data instead of dataset.root")
    parser.add_argument("--augment", type=Path, help="folder instead of dataset.augment")
    parser.add_argument("--config", required=True, help="the stage's keys as JSON")
    if converted:
        parser.add_argument(
            "--converted", type=Path, nargs="*", default=[], help="records of converted masks"
        )
