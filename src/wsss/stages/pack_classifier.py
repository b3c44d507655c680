"""Put the settings of inference into the file of the classifier, which then needs nothing else."""

import argparse

from wsss.config.slices import read_slice
from wsss.stages.packing import add_pack_arguments, pack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_pack_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Write the classifier with `cam.infer`."""
    pack(args, "classifier", read_slice(args.config).cam.infer)
