"""Train IRNet: where the boundaries between classes are, from labels of sure pixels."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from wsss.config.slices import read_slice
from wsss.data.pixels import normalised
from wsss.data.sets.segmentation import SegmentationSet
from wsss.data.transforms import chw
from wsss.io.images import read_item
from wsss.io.index import Index, Item
from wsss.io.labels import LabelReader
from wsss.io.progress import log, track
from wsss.nn.irnet import IRNet
from wsss.stages.training import (
    TrainingFiles,
    add_training_arguments,
    backbone_meta,
    seeded,
    start_backbone,
    take_over,
    train,
    weights_meta,
)
from wsss.tasks.irn import IrnTask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_training_arguments(parser)
    parser.add_argument("--labels", type=Path, nargs="*", default=[], help="records of the labels")
    parser.add_argument(
        "--classifier", type=Path, nargs="*", default=[], help="model.pt of the classifier"
    )
    parser.add_argument("--checkpoint", type=Path, nargs="?", help="published weights to take over")


def run(args: argparse.Namespace) -> None:
    """Train IRNet, or take over a published one."""
    config, files = read_slice(args.config), TrainingFiles.of(args)
    recipe, radius = config.affinity.irn.train, config.affinity.irn.radius
    seeded(config.seed)
    backbone = start_backbone(config.backbone, args.weights, args.classifier)
    net = IRNet(backbone)
    meta: dict[str, Any] = {
        "backbone": backbone_meta(config.backbone),
        "weights": weights_meta(args.checkpoint, backbone),
        "side": OFFICIAL_SIDE if args.checkpoint else recipe.crop,
    }
    if args.checkpoint:
        take_over(files, args.checkpoint, net, "irn", **meta)
        return
    items = Index.read(args.index).split("train")
    log.info("train_irn: %d images", len(items))
    labels = LabelReader(args.labels)
    dataset = SegmentationSet(
        items, labels, recipe.scale, recipe.crop, recipe.jitter, config.seed, "jitter"
    )
    train(
        files,
        IrnTask(net, radius),
        dataset,
        recipe,
        config.seed,
        [args.index, *args.weights, *args.labels, *args.classifier],
        (__name__,),
        "irn",
        finish=partial(centre, net, items, recipe.crop),
        **meta,
    )


OFFICIAL_SIDE = 512
"""Side of the crops that the published IRNet was trained on."""


@torch.no_grad()
def centre(net: IRNet, items: tuple[Item, ...], side: int) -> None:
    """Store the mean displacement over images, which is subtracted from then on.

    The losses know differences alone. Source: `step/train_irn.py` of IRN: the mean over upper left
    crops, those of smaller images padded with the mean colour (docs/methods/irn.md 5.3).

    Args:
        net: the trained network.
        items: the images.
        side: of the crops.
    """
    net.eval()
    mean = net.mean_shift.running_mean
    mean.zero_()
    total = torch.zeros_like(mean)
    for item in track(items, "mean displacement", len(items)):
        image = read_item(item)[:side, :side]
        view = normalised(chw(image)[None].to(mean.device))
        height, width = image.shape[:2]
        view = F.pad(view, (0, side - width, 0, side - height))
        total += net.displacements(net.taps(view)).mean((0, 2, 3))
    mean.copy_(total / len(items))
