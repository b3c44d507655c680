"""Write the JSON schema of the configuration, for completion in editors."""

import argparse

from wsss.config.schema import PATH, schema_text
from wsss.io.atomic import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no options."""


def run(args: argparse.Namespace) -> None:  # noqa: ARG001
    """Write the schema beside the model of the configuration."""
    write_text(PATH, schema_text())
