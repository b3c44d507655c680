"""Arguments of the commands that read a configuration."""

import argparse

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
