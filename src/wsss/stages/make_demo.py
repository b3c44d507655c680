"""Generate the demo data set: images, masks and labels from a seed."""

import argparse
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.config.slices import read_slice
from wsss.demo.folder import make_demo
from wsss.io.progress import log
from wsss.stages.options import add_config_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument(
        "--out", type=Path, required=True, help="labels.csv to write, beside the images"
    )
    add_config_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Generate the demo data set."""
    dataset: Dataset = read_slice(args.config).dataset
    demo = dataset.demo
    make_demo(args.out.parent, demo)
    log.info("make_demo: %d + %d images in %s", demo.images, demo.val_images, args.out.parent)
