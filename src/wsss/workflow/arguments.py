"""Arguments of the commands that read a configuration."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from wsss.config.files import BASE
from wsss.errors import UserError
from wsss.workflow import configuration


def add_configs_argument(parser: argparse.ArgumentParser, nargs: str = "*") -> None:
    """Add the configuration files of a command, which are read as snakemake --configfile does."""
    parser.add_argument(
        "configs",
        type=configuration,
        nargs=nargs,
        help="configuration files, or names of recipes such as photos or voc12/seam; the last one "
        "has precedence",
    )


def require_configs(files: Sequence[Path]) -> None:
    """Check that there is a configuration: a file that is named, or that of the folder.

    Raises:
        UserError: there is none.
    """
    if not files and not BASE.is_file():
        raise UserError(
            "name a configuration file, such as mine.yaml (wsss init writes one), or the recipe "
            "of the demo: demo/psa"
        )
