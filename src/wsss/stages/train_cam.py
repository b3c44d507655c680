"""Train the classifier whose class activation maps locate the image labels."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from wsss import methods
from wsss.config.methods import parts
from wsss.config.model import Config
from wsss.config.section import MethodParams
from wsss.config.slices import read_slice
from wsss.data.sets.boundary import BoundarySet
from wsss.data.sets.classification import ClassificationSet
from wsss.data.sets.samples import Samples
from wsss.data.validation import NONE
from wsss.errors import UserError
from wsss.io.index import Index, Item
from wsss.io.maps import MapsReader
from wsss.io.progress import log
from wsss.stages.classifier_validation import of_classifier, validations_of_classifier
from wsss.stages.held_out import can_be_ranked, divide
from wsss.stages.training import (
    TrainingFiles,
    add_training_arguments,
    backbone_meta,
    further_backbones,
    named_files,
    seeded,
    start_backbone,
    take_over,
    train,
    weights_meta,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_training_arguments(parser)
    parser.add_argument(
        "--further", nargs="*", default=[], help="weights of further backbones, method.option=file"
    )
    parser.add_argument(
        "--boundaries", type=Path, nargs="*", default=[], help="records of boundary maps"
    )
    parser.add_argument("--val-index", type=Path, nargs="*", default=[], help="held-out images")
    parser.add_argument("--checkpoint", type=Path, nargs="?", help="published weights to take over")


def run(args: argparse.Namespace) -> None:
    """Train the classifier, or take over a published one."""
    config = read_slice(args.config)
    index, training = Index.read(args.index), TrainingFiles.of(args)
    options = {name: getattr(config.cam, name) for name in parts(config.method)}
    files = named_files(args.further)
    seeded(config.seed)
    backbone = start_backbone(config.backbone, args.weights, freeze=config.backbone.freeze)
    further = {} if args.checkpoint else further_backbones(config, options, files)
    task = methods.make(config.method, backbone, index.num_classes, options, further)
    meta: dict[str, Any] = {
        "method": config.method,
        "params": {name: params.model_dump(mode="json") for name, params in options.items()},
        "backbone": backbone_meta(config.backbone),
        "weights": weights_meta(args.checkpoint, backbone, *further.values()),
        "classes": index.class_names,
    }
    if args.checkpoint:
        take_over(training, args.checkpoint, task.net, "classifier", **meta)
        return
    recipe, items = config.cam.train, index.split("train")
    log.info("train_cam: method %s, %d images", config.method, len(items))
    learnt, held = divide(items, recipe, config.seed, can_be_ranked)
    learning = index.num_classes, recipe, config.seed, task
    frozen = config.backbone.freeze == "all"
    train(
        training,
        task,
        _samples(learnt, index.num_classes, config, options.values(), args.boundaries),
        recipe,
        config.seed,
        [args.index, *args.weights, *files.values(), *args.boundaries],
        (__name__, *(f"wsss.methods.{name}" for name in options)),
        "classifier",
        of_classifier(held, *learning),
        NONE if held else validations_of_classifier(args, learnt, *learning, frozen=frozen),
        **meta,
    )


def _samples(
    items: Sequence[Item],
    num_classes: int,
    config: Config,
    options: Iterable[MethodParams],
    boundaries: list[Path],
) -> Samples:
    recipe = config.cam.train
    if not any("boundary" in params.needs for params in options):
        return ClassificationSet(
            items,
            num_classes,
            recipe.resize,
            recipe.crop,
            recipe.jitter,
            config.seed,
            jitter_probability=recipe.jitter_probability,
            area=recipe.area if recipe.sampling == "area" else None,
        )
    if not boundaries:
        raise UserError(f"method {config.method} learns from boundary maps: give --boundaries")
    return BoundarySet(
        items,
        MapsReader(boundaries),
        num_classes,
        recipe.resize,
        recipe.crop,
        recipe.jitter,
        config.seed,
        jitter_probability=recipe.jitter_probability,
    )
