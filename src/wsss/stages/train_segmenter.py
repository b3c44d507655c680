"""Train the segmenter on the pseudo labels."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from wsss.config.segmenter import Segment, SegmenterTrain
from wsss.config.segmenters import section
from wsss.config.slices import read_slice
from wsss.data.sets.segmentation import SegmentationSet
from wsss.errors import UserError
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.io.progress import log
from wsss.nn import segmenters
from wsss.nn.backbones import Backbone
from wsss.nn.segmenters import Segmenter
from wsss.stages.held_out import NO_JITTER, divide
from wsss.stages.parts import weights_of
from wsss.stages.segmenter_validation import of_segmenter, validations_of_segmenter
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
from wsss.tasks.segmentation import SegmentationTask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_training_arguments(parser)
    parser.add_argument("--labels", type=Path, nargs="*", default=[], help="pseudo labels")
    parser.add_argument("--masks", type=Path, nargs="*", default=[], help="tables of masks")
    parser.add_argument(
        "--corrected", type=Path, nargs="*", default=[], help="records of corrected masks"
    )
    parser.add_argument("--refined", type=Path, nargs="*", default=[], help="refined maps")
    parser.add_argument("--classifier", type=Path, nargs="*", default=[], help="model.pt of cam")
    parser.add_argument("--val-index", type=Path, nargs="*", default=[], help="held-out images")
    parser.add_argument("--val-masks", type=Path, nargs="*", default=[], help="their masks")
    parser.add_argument("--checkpoint", type=Path, nargs="?", help="published weights to take over")


def run(args: argparse.Namespace) -> None:
    """Train the segmenter, or take over a published one."""
    config = read_slice(args.config)
    segment, recipe = config.segment, config.segment.train
    index, files = Index.read(args.index), TrainingFiles.of(args)
    seeded(config.seed)
    backbone, encoder = segment.backbone or config.backbone, None
    if not segment.own_backbone():
        if recipe.init == "cam" and not (args.classifier or args.checkpoint):
            raise UserError(
                "segment.train.init is cam: give --classifier, the model.pt to start from"
            )
        encoder = start_backbone(backbone, args.weights, args.classifier)
    net, options = untrained(segment, encoder, index.num_classes)
    meta: dict[str, Any] = {
        "segmenter": segment.segmenter,
        "options": net.rebuilt_from(options),
        "backbone": backbone_meta(backbone) if encoder else {"name": net.backbone.name},
        "weights": weights_meta(args.checkpoint, net.backbone),
        "classes": index.class_names,
    }
    if args.checkpoint:
        take_over(files, args.checkpoint, net, "segmenter", **meta)
        return
    items = index.split("train")
    weights = weights_meta(None, net.backbone)
    weights += [entry for entry in weights_of(args.labels) if entry not in weights]
    log.info("train_segmenter: %s, %d images", segment.segmenter, len(items))
    if args.masks:
        _say_masks(items, args.masks)
    if args.corrected:
        count = len(LabelReader(args.corrected).ids)
        log.info("train_segmenter: corrected masks replace the pseudo labels of %d images", count)
    learnt, held = divide(items, recipe, config.seed)
    plain = recipe.model_copy(update={"scale": (1.0, 1.0), "jitter": NO_JITTER})
    still = partial(_samples, recipe=plain, seed=config.seed, args=args)
    train(
        files,
        SegmentationTask(net, recipe.loss, recipe.freeze, recipe.batch_size),
        _samples(learnt, recipe, config.seed, args),
        recipe,
        config.seed,
        [
            *(args.index, *args.weights, *args.labels, *args.refined, *args.masks),
            *(*args.corrected, *args.classifier),
        ],
        (__name__,),
        "segmenter",
        of_segmenter(still(held), recipe, net),
        validations_of_segmenter(args, learnt, bool(held), still, recipe, config.seed, net),
        **meta | {"weights": weights},
    )


def untrained(
    segment: Segment, encoder: Backbone | None, num_classes: int
) -> tuple[Segmenter, dict[str, Any]]:
    """Return the segmenter of a run with a random head, and the options of its architecture.

    Args:
        segment: the options of the segmenter.
        encoder: its backbone; None = it brings its own.
        num_classes: number of foreground classes.
    """
    options = getattr(segment, section(segment.segmenter)).model_dump(mode="json")
    return segmenters.build(segment.segmenter, encoder, num_classes + 1, **options), options


def _samples(
    items: Sequence[Item], recipe: SegmenterTrain, seed: int, args: argparse.Namespace
) -> SegmentationSet:
    return SegmentationSet(
        items,
        LabelReader(args.labels),
        recipe.scale,
        recipe.crop,
        recipe.jitter,
        seed,
        recipe.augmentation,
        MapsReader(args.refined) if args.refined else None,
        Masks.read(*args.masks) if args.masks else None,
        recipe.sure if recipe.pixels == "sure" else None,
        LabelReader(args.corrected) if args.corrected else None,
    )


def _say_masks(items: Sequence[Item], tables: Sequence[Path]) -> None:
    """Log the number of images whose masks are learnt.

    Raises:
        UserError: there are none.
    """
    known = Masks.read(*tables).paths
    count = sum(item.image_id in known for item in items)
    if not count:
        raise UserError(
            "segment.train.masks: no training image has a mask; name masks in the data set, or set "
            "it to false"
        )
    log.info("train_segmenter: masks replace the pseudo labels of %d images", count)
