"""Train the classifier whose class activation maps locate the image labels."""

import argparse

from wsss import methods
from wsss.config.slices import read_slice
from wsss.data.sets.classification import ClassificationSet
from wsss.io.index import Index
from wsss.io.progress import log
from wsss.stages.training import add_training_arguments, seeded, start_backbone, train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_training_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Train the classifier."""
    config = read_slice(args.config)
    index = Index.read(args.index)
    items = index.split("train")
    log.info("train_cam: method %s, %d images", config.method, len(items))
    seeded(config.seed)
    method = methods.get(config.method)
    params = getattr(config.cam, config.method)
    task = method(start_backbone(config.backbone, args.weights), index.num_classes, params)
    recipe = config.cam.train
    dataset = ClassificationSet(
        items, index.num_classes, recipe.resize, recipe.crop, recipe.jitter, config.seed
    )
    train(
        args,
        task,
        dataset,
        recipe,
        config.seed,
        [args.index, *args.weights],
        (__name__, f"wsss.methods.{config.method}"),
        "classifier",
        method=config.method,
        params=params.model_dump(mode="json"),
        backbone=vars(config.backbone),
        classes=index.class_names,
    )
