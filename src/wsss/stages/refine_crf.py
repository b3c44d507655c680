"""Refine the class activation maps with a dense CRF, once per exponent of the background."""

import argparse
from pathlib import Path

import numpy as np

from wsss.config.model import Crf
from wsss.config.slices import read_slice
from wsss.io.maps import MapsReader, MapsWriter, alpha_name
from wsss.io.progress import log, track
from wsss.io.validated_maps import read_cam
from wsss.ops.crf import ImageCRF
from wsss.ops.seeds import background_score, upsample_cam
from wsss.stages.finite import finite_scores
from wsss.stages.parts import add_part_arguments, image_of, part_items, provenance


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
    with MapsWriter(args.out, provenance(args.config)) as out:
        for item in track(items, "CRF"):
            cam, size = read_cam(cams, item)
            image = image_of(item, size)
            with finite_scores(item.image, args.cams, remedy="lower the weights of crf"):
                posteriors = refine(image, upsample_cam(cam, size), config)
            named = {alpha_name(a): p for a, p in zip(config.alphas, posteriors, strict=True)}
            out.put(item.image_id, classes=np.array(item.classes, np.int64), **named)


def refine(image: np.ndarray, cam: np.ndarray, config: Crf) -> list[np.ndarray]:
    """Return the CRF posteriors (K + 1, H, W) uint8 (255 = certain) for every alpha.

    One pass serves all alphas, and only the classes present take part.

    Args:
        image: (H, W, 3) uint8 RGB.
        cam: (K, H, W) float32 in [0, 1].
        config: exponents of the background score, and the CRF.
    """
    scores = [np.concatenate([background_score(cam, alpha)[None], cam]) for alpha in config.alphas]
    posteriors = ImageCRF(image, len(cam) + 1, config).refine(np.stack(scores))
    return list(np.rint(posteriors * 255).astype(np.uint8))
