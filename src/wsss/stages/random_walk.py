"""Spread the class activation maps along the learned affinities: the pseudo labels."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.config.affinity import Walk
from wsss.config.model import Run
from wsss.config.slices import read_slice
from wsss.data.views import scaled_copies, views
from wsss.engine.checkpoint import load_model
from wsss.io.background import ahead, behind
from wsss.io.index import Item
from wsss.io.labels import LabelWriter, label_ids
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.featureaffinity import FeatureAffinity
from wsss.nn.weights import load_state
from wsss.ops.affinity import CELL, block_mean
from wsss.ops.crf import decide
from wsss.ops.pairs import fit_radius
from wsss.ops.resize import plane, resize_bilinear
from wsss.ops.seeds import background_score
from wsss.ops.walk import random_walk
from wsss.stages.finite import finite_scores
from wsss.stages.inference import (
    Watch,
    arithmetic,
    checkpoint_errors,
    device,
    for_inference,
    make_backbone,
    winners,
)
from wsss.stages.parts import (
    add_part_arguments,
    part_items,
    provenance,
    read_with_cam,
    read_with_refined,
)
from wsss.stages.training import start_backbone


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    for name, meaning in {
        "cams": "record of the class activation maps",
        "refined": "record of the refined maps, walked instead",
        "affinity": "model.pt of AffinityNet",
        "classifier": "model.pt of the classifier, whose features are compared instead",
        "weights": "weights of the backbone, whose features are compared instead",
    }.items():
        parser.add_argument(f"--{name}", type=Path, nargs="*", default=[], help=meaning)


def run(args: argparse.Namespace) -> None:
    """Walk on a part of the images."""
    config = read_slice(args.config)
    items, walk = part_items(args.index, args.split, args.part), config.walk
    log.info("random_walk: %d images of %s, part %s", len(items), args.split, args.part)
    # a backbone with random weights has no file
    model = (args.affinity or args.classifier or args.weights or args.refined or args.cams)[0]
    net: AffinityNet | FeatureAffinity
    net, radius = load_affinity(model) if args.affinity else feature_affinity(config, args)
    watch = Watch(for_inference(net, args.threads, walk.precision))
    maps = MapsReader(args.refined or args.cams)
    read = partial(read_with_refined, maps) if args.refined else partial(_read_scores, maps, walk)

    with (
        LabelWriter(args.out, provenance(args.config, model)) as out,
        behind(out.put) as put,
    ):
        found = ahead(items, read, args.threads)
        for item, (image, given) in track(found, "random walk", len(items)):
            with finite_scores(item.image, model), watch():
                scores = spread(net, radius, image, given, walk)
                if walk.crf.iterations:
                    best = decide(scores.cpu().numpy(), image, walk.crf, device())
                else:
                    best = winners(scores)
            put(item.image_id, label_ids(np.array(item.classes, int))[best])


def load_affinity(path: Path) -> tuple[AffinityNet, int]:
    """Return the trained AffinityNet in `path` and the radius of its pairs."""
    model = load_model(path, "affinity")
    with checkpoint_errors(path):
        net = AffinityNet(make_backbone(model))
    load_state(net, model.state, str(path))
    return net, model.meta["radius"]


def feature_affinity(config: Run, args: argparse.Namespace) -> tuple[FeatureAffinity, int]:
    """Return the network whose features are compared, and the radius of its pairs."""
    backbone = start_backbone(config.backbone, args.weights, args.classifier)
    return FeatureAffinity(backbone, config.affinity.features.taps), config.affinity.radius


def _read_scores(maps: MapsReader, walk: Walk, item: Item) -> tuple[np.ndarray, np.ndarray]:
    """Read an image and its class activation maps, beside the score of the background."""
    image, cam = read_with_cam(maps, item)
    return image, np.concatenate([background_score(cam, walk.alpha)[None], cam])


def spread(
    net: AffinityNet | FeatureAffinity,
    radius: int,
    image: np.ndarray,
    scores: np.ndarray,
    config: Walk,
) -> Tensor:
    """Return the scores (K + 1, H, W) after the walk, background first, on the device.

    Source: `infer_aff.py` of PSA: zero padding to multiples of 8 right and below, 8 x 8 means,
    2^logt steps, bilinear upsampling (align_corners False).

    Args:
        net: features and their affinities.
        radius: of the pairs, in cells.
        image: (H, W, 3) uint8 RGB.
        scores: (K + 1, H, W) float32 in [0, 1], background first.
        config: exponent and number of steps.
    """
    height, width = image.shape[:2]
    below, right = -height % CELL, -width % CELL
    pooled = block_mean(np.pad(scores, ((0, 0), (0, below), (0, right))), CELL)
    with torch.no_grad():
        (view,) = views(scaled_copies(image, [1.0], "torch").copies, device())
        pixels = F.pad(view, (0, right, 0, below))
        with arithmetic(device(), config.precision):
            features = net.features(pixels).float()
        h, w = features.shape[-2:]
        nearer = fit_radius(h, w, radius)
        affinity = net.affinity(features, nearer)[0]
        given, steps = torch.from_numpy(pooled).to(device()), 2**config.logt
        walked = random_walk(given, affinity, nearer, config.beta, steps)
        full = resize_bilinear(walked[None], plane(pixels))[0]
    return full[:, :height, :width]
