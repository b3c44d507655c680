"""Spread the class activation maps along the learned affinities: the pseudo labels."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.config.model import Walk
from wsss.config.slices import read_slice
from wsss.data.views import scaled_copies, views
from wsss.engine.checkpoint import load_model
from wsss.io.background import ahead, behind
from wsss.io.labels import LabelWriter, label_ids
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.weights import load_state
from wsss.ops.affinity import CELL, block_mean, pair_affinity
from wsss.ops.crf import decide
from wsss.ops.pairs import fit_radius, pair_indices
from wsss.ops.resize import plane, resize_bilinear
from wsss.ops.seeds import background_score
from wsss.ops.walk import random_walk, transition
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
from wsss.stages.parts import add_part_arguments, part_items, provenance, read_with_cam


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    parser.add_argument("--cams", type=Path, required=True, help="record of the CAMs")
    parser.add_argument("--model", type=Path, required=True, help="model.pt of AffinityNet")


def run(args: argparse.Namespace) -> None:
    """Walk on a part of the images."""
    config = read_slice(args.config).walk
    items, cams = part_items(args.index, args.split, args.part), MapsReader([args.cams])
    log.info("random_walk: %d images of %s, part %s", len(items), args.split, args.part)
    net, radius = load_affinity(args.model)
    watch = Watch(for_inference(net, args.threads, config.precision))

    with (
        LabelWriter(args.out, provenance(args.config, args.model)) as out,
        behind(out.put) as put,
    ):
        found = ahead(items, partial(read_with_cam, cams), args.threads)
        for item, (image, cam) in track(found, "random walk", len(items)):
            with finite_scores(item.image, args.model), watch():
                scores = walk(net, radius, image, cam, config)
                if config.crf.iterations:
                    best = decide(scores.cpu().numpy(), image, config.crf, device())
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


def walk(net: AffinityNet, radius: int, image: np.ndarray, cam: np.ndarray, config: Walk) -> Tensor:
    """Return the scores (K + 1, H, W) after the walk, background first, on the device.

    Source: `infer_aff.py` of PSA: zero padding to multiples of 8 right and below, 8 x 8 means,
    2^logt steps, bilinear upsampling (align_corners False).

    Args:
        net: AffinityNet.
        radius: of its pairs, in cells.
        image: (H, W, 3) uint8 RGB.
        cam: (K, H, W) float32 in [0, 1].
        config: exponents and number of steps.
    """
    height, width = image.shape[:2]
    below, right = -height % CELL, -width % CELL
    scores = np.concatenate([background_score(cam, config.alpha)[None], cam])
    pooled = block_mean(np.pad(scores, ((0, 0), (0, below), (0, right))), CELL)
    with torch.no_grad():
        (view,) = views(scaled_copies(image, [1.0], "torch").copies, device())
        pixels = F.pad(view, (0, right, 0, below))
        with arithmetic(device(), config.precision):
            features = net.features(pixels).float()
        h, w = features.shape[-2:]
        nearer = fit_radius(h, w, radius)
        affinity = pair_affinity(features, nearer)[0]
        matrix = transition(affinity, h, w, *pair_indices(h, w, nearer), config.beta)
        spread = random_walk(torch.from_numpy(pooled).to(device()), matrix, 2**config.logt)
        full = resize_bilinear(spread[None], plane(pixels))[0]
    return full[:, :height, :width]
