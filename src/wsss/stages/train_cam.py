"""Train the classifier whose class activation maps locate the image labels."""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace

from wsss import methods
from wsss.config.methods import parts
from wsss.config.section import MethodParams
from wsss.config.slices import read_slice
from wsss.data.sets.boundary import BoundarySet
from wsss.data.sets.classification import ClassificationSet
from wsss.data.sets.samples import Samples
from wsss.errors import UserError
from wsss.io.index import Index
from wsss.io.maps import MapsReader
from wsss.io.progress import log
from wsss.nn.backbones import Backbone
from wsss.stages.training import (
    add_training_arguments,
    seeded,
    start_backbone,
    take_over,
    train,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_training_arguments(parser)
    parser.add_argument(
        "--further", nargs="*", default=[], help="weights of further backbones, method.option=file"
    )
    parser.add_argument("--boundaries", type=Path, nargs="*", default=[], help="boundary shards")
    parser.add_argument("--checkpoint", type=Path, nargs="?", help="published weights to take over")


def run(args: argparse.Namespace) -> None:
    """Train the classifier, or take over a published one."""
    config = read_slice(args.config)
    index = Index.read(args.index)
    options = {name: getattr(config.cam, name) for name in parts(config.method)}
    files = dict(map(_named, args.further))
    seeded(config.seed)
    task = methods.make(
        config.method,
        start_backbone(config.backbone, args.weights, freeze=config.backbone.freeze),
        index.num_classes,
        options,
        {} if args.checkpoint else _further(config, options, files),
    )
    meta = {
        "method": config.method,
        "params": {name: params.model_dump(mode="json") for name, params in options.items()},
        "backbone": vars(config.backbone),
        "classes": index.class_names,
    }
    if args.checkpoint:
        take_over(args, task.net, "classifier", **meta)
        return
    log.info("train_cam: method %s, %d images", config.method, len(index.split("train")))
    train(
        args,
        task,
        _samples(index, config, options.values(), args.boundaries),
        config.cam.train,
        config.seed,
        [args.index, *args.weights, *files.values(), *args.boundaries],
        (__name__, *(f"wsss.methods.{name}" for name in options)),
        "classifier",
        **meta,
    )


def _named(text: str) -> tuple[str, Path]:
    name, _, file = text.partition("=")
    if not file:
        raise UserError(f"--further {text}: give METHOD.OPTION=FILE")
    return name, Path(file)


def _further(
    config: SimpleNamespace, options: Mapping[str, MethodParams], files: Mapping[str, Path]
) -> dict[str, Backbone]:
    """Return the further backbones of the methods with the weights they start from."""
    trunks = {
        f"{method}.{option}": trunk
        for method, params in options.items()
        for option, trunk in params.further_backbones().items()
    }
    for name in files.keys() - trunks.keys():
        raise UserError(f"--further {name}: there is no such backbone ({', '.join(trunks)})")
    for name, trunk in trunks.items():
        if trunk is not None and trunk.weights and name not in files:
            raise UserError(f"{name} starts from pretrained weights: give --further {name}=FILE")
    return {
        name: start_backbone(
            trunk or config.backbone, [files[name]] if name in files else [], freeze=False
        )
        for name, trunk in trunks.items()
    }


def _samples(
    index: Index, config: SimpleNamespace, options: Iterable[MethodParams], shards: list[Path]
) -> Samples:
    recipe, items = config.cam.train, index.split("train")
    common = {
        "resize": recipe.resize,
        "crop": recipe.crop,
        "jitter": recipe.jitter,
        "seed": config.seed,
        "jitter_probability": recipe.jitter_probability,
    }
    if not any("boundary" in params.needs for params in options):
        area = recipe.area if recipe.sampling == "area" else None
        return ClassificationSet(items, index.num_classes, **common, area=area)
    if not shards:
        raise UserError(f"method {config.method} learns from boundary maps: give --boundaries")
    return BoundarySet(items, MapsReader(shards), index.num_classes, **common)
