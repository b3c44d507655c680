"""Compare the labels that the classifier predicts for the images of a split with their labels.

On the split val these labels are held out: the classifier was not trained on them. The images are
classified once, at scale 1 and not mirrored.
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from wsss.config.slices import read_slice
from wsss.io.atomic import write_text
from wsss.io.background import ahead
from wsss.io.index import Index
from wsss.io.progress import log, track
from wsss.metrics.classifier import ClassifierScores
from wsss.stages.classifiers import CLASSIFIED, classify, load_method
from wsss.stages.events import write_scalars
from wsss.stages.finite import finite_scores
from wsss.stages.inference import Watch, for_inference, read_scaled
from wsss.stages.options import add_config_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--split", required=True, help="split of the index to evaluate")
    parser.add_argument("--index", required=True, type=Path, help="table of images and labels")
    parser.add_argument("--model", required=True, type=Path, help="model.pt of the classifier")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--out", required=True, type=Path, help="eval file to write")
    add_config_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Classify the images and write the eval file (`ClassifierScores`).

    The means are added to the TensorBoard events of the training as `mAP` and `F1`.

    Raises:
        UserError: the classifier is damaged, or gives numbers that are not finite.
    """
    precision, index = read_slice(args.config).cam.infer.precision, Index.read(args.index)
    items, names = index.split(args.split), index.class_names
    method = for_inference(load_method(args.model), args.threads, precision)
    watch = Watch(method)
    scales, resampling = CLASSIFIED
    read = partial(read_scaled, scales=scales, resampling=resampling)
    # an image per row, a class per column
    logits = np.zeros((len(items), len(names)), np.float32)
    labels = np.zeros(logits.shape, bool)
    found = ahead(items, read, args.threads)
    for place, (item, given) in enumerate(track(found, "classify", len(items))):
        with finite_scores(item.image, args.model), watch():
            logits[place] = classify(method, given, precision)
        labels[place, list(item.classes)] = True
    scores = ClassifierScores.of(logits, labels, names, args.split)
    write_text(args.out, scores.to_text())
    write_scalars(args.model, args.split, {"mAP": scores.map, "F1": scores.f1})
    log.info("%s", _sentence(scores))


def _sentence(scores: ClassifierScores) -> str:
    on = f"{scores.images} {scores.split} images"
    if scores.map is None or scores.f1 is None:
        return f"classifier: no label in {on}"
    return f"classifier: mAP {100 * scores.map:.1f} %, F1 {100 * scores.f1:.1f} % on {on}"
