"""Spread the class activation maps up to the boundaries of IRNet: the pseudo labels."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.config.model import Run
from wsss.config.section import InferPrecision
from wsss.config.slices import read_slice
from wsss.data.views import scaled_copies, views
from wsss.engine.checkpoint import load_model
from wsss.io.background import ahead, behind
from wsss.io.labels import LabelWriter, label_ids
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.nn.irnet import CELL, IRNet
from wsss.nn.weights import load_state
from wsss.ops.crf import decide
from wsss.ops.paths import walk_between_boundaries
from wsss.ops.resize import plane, resize_bilinear
from wsss.stages.finite import finite_scores
from wsss.stages.inference import (
    Watch,
    arithmetic,
    checkpoint_errors,
    device,
    for_inference,
    make_backbone,
)
from wsss.stages.parts import add_part_arguments, part_items, provenance, read_with_coarse_cam


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    parser.add_argument("--cams", type=Path, required=True, help="record of the CAMs")
    parser.add_argument("--affinity", type=Path, required=True, help="model.pt of IRNet")


def run(args: argparse.Namespace) -> None:
    """Walk on a part of the images."""
    config = read_slice(args.config)
    items, cams = part_items(args.index, args.split, args.part), MapsReader([args.cams])
    log.info("walk_irn: %d images of %s, part %s", len(items), args.split, args.part)
    net, side = load_irnet(args.affinity)
    watch = Watch(for_inference(net, args.threads, config.walk.precision))
    with (
        LabelWriter(args.out, provenance(args.config, args.affinity)) as out,
        behind(out.put) as put,
    ):
        found = ahead(items, partial(read_with_coarse_cam, cams), args.threads)
        for item, (image, cam) in track(found, "random walk", len(items)):
            with finite_scores(item.image, args.affinity), watch():
                scores = spread(net, side, image, cam, config).cpu().numpy()
                best = decide(scores, image, config.walk.crf, device())
            put(item.image_id, label_ids(np.array(item.classes, int))[best])


def load_irnet(path: Path) -> tuple[IRNet, int]:
    """Return the trained IRNet in `path` and the side of its crops."""
    model = load_model(path, "irn")
    with checkpoint_errors(path):
        net = IRNet(make_backbone(model))
    load_state(net, model.state, str(path))
    return net, model.meta["side"]


@torch.no_grad()
def spread(net: IRNet, side: int, image: np.ndarray, cam: np.ndarray, config: Run) -> Tensor:
    """Return the scores (K + 1, H, W) after the walk, background first, on the device.

    Args:
        net: the network.
        side: of its crops.
        image: (H, W, 3) uint8 RGB.
        cam: (K, ceil(H / 4), ceil(W / 4)) float32.
        config: radius, exponent and number of steps of the walk, score of the background.
    """
    height, width = image.shape[:2]
    irn, walk = config.affinity.irn, config.walk
    background = torch.full((1, height, width), irn.threshold, device=device())
    if not len(cam):
        return background
    edge = boundaries(net, side, image, walk.precision)
    maps = torch.from_numpy(cam).to(device()).clamp(min=0)
    walked = walk_between_boundaries(maps, edge, config.affinity.radius, walk.beta, 2**walk.logt)
    return torch.cat([background, full_size(walked, height, width)])


def full_size(walked: Tensor, height: int, width: int) -> Tensor:
    """Return walked maps (K, h, w) at the size of the image (K, H, W), the highest value being 1.

    Source: `step/make_sem_seg_labels.py` of IRN (docs/methods/irn.md 7): bilinear upsampling of the
    cells, then one scale for all classes.
    """
    rows, columns = plane(walked[None])
    full = resize_bilinear(walked[None], (CELL * rows, CELL * columns))[0, :, :height, :width]
    return full / full.max().clamp(min=torch.finfo(full.dtype).tiny)


@torch.no_grad()
def boundaries(net: IRNet, side: int, image: np.ndarray, precision: InferPrecision) -> Tensor:
    """Return the boundaries (ceil(H / 4), ceil(W / 4)) float32 in [0, 1] of an image.

    Source: `EdgeDisplacement` of IRN (docs/methods/irn.md 6): the logits of an image and of its
    mirrored copy are averaged; both are padded right and below to the crops of the training.
    """
    height, width = image.shape[:2]
    rows, columns = -(-height // CELL), -(-width // CELL)
    (view,) = views(scaled_copies(image, [1.0], "torch").copies, device())
    with arithmetic(device(), precision):
        plain, mirrored = (
            net.edges(net.taps(padded(one, side)))[0, 0, :rows, :columns].float()
            for one in (view, view.flip(-1))
        )
    return ((plain + mirrored.flip(-1)) / 2).sigmoid()


def padded(view: Tensor, side: int) -> Tensor:
    """Pad a view (1, 3, H, W) right and below with the mean colour, to a side at least."""
    height, width = plane(view)
    return F.pad(view, (0, max(side - width, 0), 0, max(side - height, 0)))
