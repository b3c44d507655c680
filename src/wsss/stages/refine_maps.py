"""Refine the class activation maps with PAR, a dense CRF or both, for every background exponent."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from wsss.config.model import Run
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
    config = read_slice(args.config)
    items, cams = part_items(args.index, args.split, args.part), MapsReader([args.cams])
    log.info(
        "refine_maps: %s of %d images of %s, part %s, alpha %s",
        config.refine,
        len(items),
        args.split,
        args.part,
        ", ".join(f"{alpha:g}" for alpha in config.alphas()),
    )

    with MapsWriter(args.out, provenance(args.config)) as out, behind(out.put) as put:
        found = ahead(items, partial(read_with_cam, cams), args.threads)
        for item, (image, cam) in track(found, "refinement", len(items)):
            with finite_scores(item.image, args.cams, remedy="lower the weights of crf"):
                scores = refine(image, cam, config)
            named = {alpha_name(a): p for a, p in zip(config.alphas(), scores, strict=True)}
            put(item.image_id, classes=np.array(item.classes, np.int64), **named)


def refine(image: np.ndarray, cam: np.ndarray, config: Run) -> list[np.ndarray]:
    """Return the label scores (K, H, W) uint8 (255 = certain) for every alpha.

    They are those of the background and of all classes but the last, which has what they leave.
    PAR refines the class maps, which get the background's scores after it; the CRF starts from
    these. One pass serves all alphas, and only the classes present take part.

    Args:
        image: (H, W, 3) uint8 RGB.
        cam: (K, H, W) float32 in [0, 1].
        config: the refiner, its exponents and constants.
    """
    if "par" in config.refine:
        cam = by_par(image, cam.clip(0), config.par.iterations)
    alphas = config.alphas()
    scores = np.empty((len(alphas), len(cam) + 1, *image.shape[:2]), np.float32)
    scores[:, 1:] = cam
    for field, alpha in zip(scores, alphas, strict=True):
        field[0] = background_score(cam, alpha)
    kept = posteriors(image, scores, config)[:, :-1]
    kept *= 255
    return list(np.rint(kept, out=kept).astype(np.uint8))


def posteriors(image: np.ndarray, scores: np.ndarray, config: Run) -> np.ndarray:
    """Return label scores (..., L, H, W) that sum to 1, after the CRF if the refiner has one.

    Args:
        image: (H, W, 3) uint8 RGB.
        scores: (L, H, W) or (N, L, H, W) float32 >= 0, background first; may be overwritten.
        config: the refiner and its constants.
    """
    if "crf" in config.refine:
        return ImageCRF(image, scores.shape[-3], config.crf).refine(scores)
    scores /= scores.sum(axis=-3, keepdims=True)
    return scores


def by_par(
    image: np.ndarray, maps: np.ndarray, iterations: int, peak: np.ndarray | float | None = 1.0
) -> np.ndarray:
    """Return maps (K, H, W) >= 0 after PAR, each with the maximum `peak`; None = as it comes."""
    # the CRF alone works without torch, which takes seconds to import
    from wsss.ops.cam import scale_by_max
    from wsss.ops.par import ImagePAR
    from wsss.stages.inference import device

    if not len(maps):
        return maps
    found = ImagePAR(image, iterations, device=device()).refine(maps)
    return found if peak is None else scale_by_max(found) * peak
