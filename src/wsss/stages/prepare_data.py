"""Check the whole data set and write the index of images and image-level labels.

The index of a split depends on that split alone, hence so does whatever is trained on it.
"""

import argparse
from collections import Counter
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.config.slices import read_slice
from wsss.data.check import check_listing
from wsss.data.masks import read_drawn
from wsss.data.sources import with_augment
from wsss.io.index import Index
from wsss.io.progress import log
from wsss.stages.sourcing import add_source_arguments
from wsss.tiles.table import read_listing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_source_arguments(parser)
    parser.add_argument("--split", choices=("train", "val"), help="write only this split")
    parser.add_argument("--out", type=Path, required=True, help="index to write")
    parser.add_argument("--threads", type=int, default=1, help="images checked at a time")


def run(args: argparse.Namespace) -> None:
    """Check the data set, all splits, and write its index."""
    dataset: Dataset = with_augment(read_slice(args.config).dataset, args.augment)
    drawn = read_drawn(args.converted)
    index, masks = check_listing(read_listing(dataset, args.root), dataset, args.threads, drawn)
    items = index.split(args.split) if args.split else index.items
    Index(index.class_names, items).write(args.out)
    _log_summary(index, len(masks.paths))


def _log_summary(index: Index, masks: int) -> None:
    splits = Counter(item.split for item in index.items)
    train, val = splits["train"], splits["val"]
    log.info("Training set size: %d, validation set size: %d", train, val)
    log.info("%d classes, %d images have a mask", index.num_classes, masks)
    shown = Counter((item.split, number) for item in index.items for number in item.classes)
    for number, name in enumerate(index.class_names):
        counts = ", ".join(f"{shown[split, number]} {split}" for split in splits)
        log.info("  %s: %s", name, counts)
