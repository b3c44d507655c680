"""Draw masks that the data set does not have as PNGs: of SBD, of an archive, regions of COCO."""

import argparse
from pathlib import Path

from wsss import __version__
from wsss.config.dataset import Dataset
from wsss.config.slices import canonical, read_slice
from wsss.data.masks import draw_all
from wsss.data.sources import drawn_masks, with_augment
from wsss.io.labels import LabelWriter
from wsss.io.progress import log
from wsss.stages.sourcing import add_source_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_source_arguments(parser, converted=False)
    parser.add_argument("--split", choices=("train", "val"), required=True)
    parser.add_argument("--out", type=Path, required=True, help="record to write, beside the PNGs")


def run(args: argparse.Namespace) -> None:
    """Write those masks of a split that the data set does not have as PNGs."""
    dataset: Dataset = with_augment(read_slice(args.config).dataset, args.augment)
    drawn = drawn_masks(dataset, args.root, args.split)
    made = canonical({"version": __version__, "source": dataset.source})
    with LabelWriter(args.out, made) as out:
        for image_id, labels in draw_all(drawn, args.split):
            out.put(image_id, labels)
    log.info("convert_masks: %d masks of %s", len(drawn), args.split)
