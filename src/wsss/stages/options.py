"""Options that many stages have."""

import argparse

from wsss.io.arguments import received


def add_config_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option of the stage's slice of the configuration."""
    parser.add_argument(
        "--config", required=True, type=received, help="keys of the stage as JSON, or @file"
    )
