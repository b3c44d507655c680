"""Check the ground-truth masks and write their table, which only evaluation reads."""

import argparse
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.config.slices import read_slice
from wsss.data.check import check_masks
from wsss.data.masks import read_drawn
from wsss.data.sources import with_augment
from wsss.io.index import Index
from wsss.io.progress import log
from wsss.stages.sourcing import add_source_arguments
from wsss.tiles.table import read_listing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--index", type=Path, required=True, help="table of images and labels")
    add_source_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="table of masks to write")
    parser.add_argument("--threads", type=int, default=1, help="masks checked at a time")


def run(args: argparse.Namespace) -> None:
    """Check the masks of the images in the index and write their table, empty without any."""
    dataset: Dataset = with_augment(read_slice(args.config).dataset, args.augment)
    index, drawn = Index.read(args.index), read_drawn(args.converted)
    masks = check_masks(read_listing(dataset, args.root), index, args.threads, drawn)
    masks.write(args.out)
    source = f" ({masks.source})" if masks.paths else ""
    log.info("%d of %d images have a mask%s", len(masks.paths), len(index.items), source)
