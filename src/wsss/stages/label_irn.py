"""Label the pixels of the training images that IRNet learns boundaries from."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from wsss.config.slices import read_slice
from wsss.io.background import ahead, behind
from wsss.io.labels import IGNORE, LabelWriter, label_ids
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.ops.boundary_labels import boundary_labels
from wsss.stages.finite import finite_scores
from wsss.stages.parts import add_part_arguments, part_items, provenance, read_with_cam


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    parser.add_argument("--cams", type=Path, required=True, help="record of the CAMs")


def run(args: argparse.Namespace) -> None:
    """Label a part of the images."""
    irn = read_slice(args.config).affinity.irn
    items, cams = part_items(args.index, args.split, args.part), MapsReader([args.cams])
    log.info("label_irn: %d images of %s, part %s", len(items), args.split, args.part)
    with LabelWriter(args.out, provenance(args.config)) as out, behind(out.put) as put:
        found = ahead(items, partial(read_with_cam, cams), args.threads)
        for item, (image, cam) in track(found, "labels of boundaries", len(items)):
            with finite_scores(item.image, args.cams, remedy="lower the weights of its crf"):
                best = boundary_labels(image, cam, irn.foreground, irn.background, irn.crf)
            ids = np.full(IGNORE + 1, IGNORE, np.uint8)
            ids[: len(item.classes) + 1] = label_ids(np.array(item.classes, int))
            put(item.image_id, ids[best])
