"""Train AffinityNet: which neighbouring cells belong together, from the confident CRF labels."""

import argparse
from pathlib import Path

from wsss.config.slices import read_slice
from wsss.data.sets.affinity import AffinitySet
from wsss.io.index import Index
from wsss.io.maps import MapsReader, alpha_name
from wsss.io.progress import log
from wsss.nn.affinitynet import AffinityNet
from wsss.stages.training import (
    TrainingFiles,
    add_training_arguments,
    backbone_meta,
    seeded,
    start_backbone,
    train,
    weights_meta,
)
from wsss.tasks.affinity import AffinityTask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_training_arguments(parser)
    parser.add_argument(
        "--refined", type=Path, nargs="+", required=True, help="records of refined maps"
    )
    parser.add_argument(
        "--classifier", type=Path, nargs="*", default=[], help="model.pt of the classifier"
    )


def run(args: argparse.Namespace) -> None:
    """Train AffinityNet."""
    config = read_slice(args.config)
    recipe, radius = config.affinity.train, config.affinity.radius
    items = Index.read(args.index).split("train")
    low, high = min(config.alphas()), max(config.alphas())
    log.info("train_affinity: %d images, alpha %g and %g", len(items), low, high)
    seeded(config.seed)
    backbone = start_backbone(config.backbone, args.weights, args.classifier)
    net = AffinityNet(backbone)
    dataset = AffinitySet(
        items,
        MapsReader(args.refined),
        alpha_name(low),
        alpha_name(high),
        recipe.crop,
        recipe.jitter,
        config.seed,
    )
    train(
        TrainingFiles.of(args),
        AffinityTask(net, radius, recipe.eval_from),
        dataset,
        recipe,
        config.seed,
        [args.index, *args.weights, *args.refined, *args.classifier],
        (__name__,),
        "affinity",
        backbone=backbone_meta(config.backbone),
        weights=weights_meta(None, backbone),
        radius=radius,
    )
