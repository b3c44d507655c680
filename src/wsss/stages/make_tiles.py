"""Cut the images of a data set, and their masks, into overlapping tiles."""

import argparse
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.config.slices import read_slice
from wsss.data.check import check_listing
from wsss.data.masks import read_drawn
from wsss.data.sources import read, with_augment
from wsss.errors import UserError
from wsss.io.progress import log
from wsss.stages.sourcing import add_source_arguments
from wsss.tiles.cut import Cut, cut_tiles, plan_tiles, read_tile_labels, warn_weak_labels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_source_arguments(parser)
    parser.add_argument(
        "--out", type=Path, required=True, help="tiles.tsv to write, beside the tiles"
    )
    parser.add_argument("--threads", type=int, default=1, help="images at a time")


def run(args: argparse.Namespace) -> None:
    """Check the data set and cut it.

    Raises:
        UserError: mistakes in the data set or in the layout of its tiles; nothing is written.
    """
    dataset: Dataset = with_augment(read_slice(args.config).dataset, args.augment)
    if dataset.tiles is None:
        raise UserError("dataset.tiles is null: set its size and overlap to cut tiles")
    own = dataset.tiles.labels
    listing = read(dataset, args.root)
    index, masks = check_listing(listing, dataset, args.threads, read_drawn(args.converted))
    tiles = plan_tiles(index, dataset.tiles.size, dataset.tiles.overlap)
    labels = read_tile_labels(listing.root / own, listing, tiles) if own else {}
    log.info("make_tiles: %d tiles of %d images", len(tiles), len(index.items))
    cut = Cut(index, masks.paths, tiles, labels)
    if dataset.labels_from == "annotations":
        warn_weak_labels(cut)
    cut_tiles(cut, masks.source, args.out.parent, args.threads)
