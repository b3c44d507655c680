"""Train the segmenter on the pseudo labels of the random walk."""

import argparse
from pathlib import Path

from wsss.config.slices import read_slice
from wsss.data.sets.segmentation import SegmentationSet
from wsss.io.index import Index
from wsss.io.labels import LabelReader
from wsss.io.progress import log
from wsss.nn import segmenters
from wsss.stages.training import add_training_arguments, seeded, start_backbone, train
from wsss.tasks.segmentation import SegmentationTask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_training_arguments(parser)
    parser.add_argument("--labels", type=Path, nargs="+", required=True, help="pseudo labels")
    parser.add_argument("--classifier", type=Path, required=True, help="model.pt of the classifier")


def run(args: argparse.Namespace) -> None:
    """Train the segmenter."""
    config = read_slice(args.config)
    segment, recipe = config.segment, config.segment.train
    index = Index.read(args.index)
    items = index.split("train")
    log.info("train_segmenter: %s, %d images", segment.segmenter, len(items))
    seeded(config.seed)
    backbone = segment.backbone or config.backbone
    classifier = args.classifier if recipe.init == "cam" else None
    options = getattr(segment, segment.segmenter).model_dump(mode="json")
    net = segmenters.build(
        segment.segmenter,
        start_backbone(backbone, args.weights, classifier),
        index.num_classes + 1,
        **options,
    )
    dataset = SegmentationSet(
        items,
        LabelReader(args.labels),
        recipe.scale,
        recipe.crop,
        recipe.jitter,
        config.seed,
        recipe.augmentation,
    )
    train(
        args,
        SegmentationTask(net, recipe.loss, recipe.freeze),
        dataset,
        recipe,
        config.seed,
        [args.index, *args.weights, *args.labels, args.classifier],
        (__name__,),
        "segmenter",
        segmenter=segment.segmenter,
        options=options,
        backbone={"name": backbone.name, "output_stride": backbone.output_stride},
        classes=index.class_names,
    )
