"""Take the labels of the refined maps of the lowest exponent, without a walk."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from wsss.io.background import ahead, behind
from wsss.io.labels import LabelWriter, label_ids
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.stages.parts import add_part_arguments, part_items, provenance, read_with_refined


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    parser.add_argument("--refined", type=Path, required=True, help="record of the refined maps")


def run(args: argparse.Namespace) -> None:
    """Label a part of the images."""
    items, refined = part_items(args.index, args.split, args.part), MapsReader([args.refined])
    log.info("label_refined: %d images of %s, part %s", len(items), args.split, args.part)
    with LabelWriter(args.out, provenance(args.config)) as out, behind(out.put) as put:
        found = ahead(items, partial(read_with_refined, refined), args.threads)
        for item, (_, scores) in track(found, "labels of refined maps", len(items)):
            put(item.image_id, label_ids(np.array(item.classes, int))[scores.argmax(0)])
