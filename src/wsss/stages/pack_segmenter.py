"""Put the settings of inference into the file of the segmenter, which then needs nothing else."""

import argparse

from wsss.config.slices import read_slice
from wsss.stages.packing import add_pack_arguments, pack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_pack_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Write the segmenter with `segment.infer`."""
    pack(args, "segmenter", read_slice(args.config).segment.infer)
