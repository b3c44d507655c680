"""Refine the class activation maps with a dense CRF, once per exponent of the background."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from wsss.config.model import Crf
from wsss.config.slices import read_slice
from wsss.io.background import ahead, behind
from wsss.io.maps import MapsReader, MapsWriter, alpha_name
from wsss.io.progress import log, track
from wsss.ops.crf import ImageCRF
from wsss.ops.seeds import background_score
from wsss.stages.finite import finite_scores
from wsss.stages.parts import add_part_arguments, part_items, provenance, read_with_cam


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    parser.add_argument("--cams", type=Path, required=True, help="record of the CAMs")


def run(args: argparse.Namespace) -> None:
    """Refine the maps of a part of the images."""
    config = read_slice(args.config).crf
    items, cams = part_items(args.index, args.split, args.part), MapsReader([args.cams])
    log.info(
        "refine_crf: %d images of %s, part %s, alpha %s",
        len(items),
        args.split,
        args.part,
        ", ".join(f"{alpha:g}" for alpha in config.alphas),
    )

    with MapsWriter(args.out, provenance(args.config)) as out, behind(out.put) as put:
        found = ahead(items, partial(read_with_cam, cams), args.threads)
        for item, (image, cam) in track(found, "CRF", len(items)):
            with finite_scores(item.image, args.cams, remedy="lower the weights of crf"):
                posteriors = refine(image, cam, config)
            # the last label's are what the others leave
            kept = [field[:-1] for field in posteriors]
            named = {alpha_name(a): p for a, p in zip(config.alphas, kept, strict=True)}
            put(item.image_id, classes=np.array(item.classes, np.int64), **named)


def refine(image: np.ndarray, cam: np.ndarray, config: Crf) -> list[np.ndarray]:
    """Return the CRF posteriors (K + 1, H, W) uint8 (255 = certain) for every alpha.

    One pass serves all alphas, and only the classes present take part.

    Args:
        image: (H, W, 3) uint8 RGB.
        cam: (K, H, W) float32 in [0, 1].
        config: exponents of the background score, and the CRF.
    """
    scores = np.empty((len(config.alphas), len(cam) + 1, *image.shape[:2]), np.float32)
    scores[:, 1:] = cam
    for field, alpha in zip(scores, config.alphas, strict=True):
        field[0] = background_score(cam, alpha)
    posteriors = ImageCRF(image, len(cam) + 1, config).refine(scores) * 255
    return list(np.rint(posteriors, out=posteriors).astype(np.uint8))
