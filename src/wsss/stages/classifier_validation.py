"""What a classifier is evaluated on while it is trained: metrics, signs of failure, pictures."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from wsss.config.training import ClassifierTrain
from wsss.data.held_out import HeldOut
from wsss.data.pixels import network_input
from wsss.data.sets.classification import ClassificationSet
from wsss.data.validation import Measurement, Validated, Validations, extent, some
from wsss.io.index import Index, Item
from wsss.methods.base import Method
from wsss.methods.combo import Combo
from wsss.metrics.classifier import LEARNT, ClassifierScores, mean_of_known
from wsss.nn.task import Batch
from wsss.ops.resize import plane, resize_bilinear
from wsss.stages.held_out import NO_JITTER
from wsss.stages.pictures import beside, pixels

_HEAT = np.array([230, 159, 0], np.float32)
"""Colour of activation maps on the grey image."""


def of_classifier(
    items: Sequence[Item],
    num_classes: int,
    train: ClassifierTrain,
    seed: int,
    task: Method | Combo,
) -> HeldOut | None:
    """Return the held-out part of a classifier, whose images are shown whole.

    Args:
        items: the held-out images; without any there is no such part.
        num_classes: C.
        train: settings of the training.
        seed: seed of the samples.
        task: the classifier.
    """
    if train.early_stopping is None or not items:
        return None
    images = shown_whole("held_out", items, num_classes, train, seed, task)
    return HeldOut(images, "mAP", train.early_stopping)


def validations_of_classifier(
    args: argparse.Namespace,
    learnt: Sequence[Item],
    num_classes: int,
    train: ClassifierTrain,
    seed: int,
    task: Method | Combo,
    *,
    frozen: bool,
) -> Validations:
    """Return the validations of a classifier: on images of val, without any on those it learns.

    Args:
        args: options of the stage.
        learnt: images that it learns.
        num_classes: C.
        train: settings of the training.
        seed: seed of the choice.
        task: the classifier.
        frozen: its backbone is not trained.
    """
    val = Index.read(*args.val_index).split("val") if args.val_index else ()
    samples = train.length(len(learnt)) * train.batch_size
    count, images = extent(args.monitor, samples, frozen=frozen)
    if not count:
        return Validations()
    name, items = ("val", val) if val else ("train", learnt)
    chosen = some(items, images, seed)
    return Validations(count, (shown_whole(name, chosen, num_classes, train, seed, task),))


def shown_whole(
    name: str,
    items: Sequence[Item],
    num_classes: int,
    train: ClassifierTrain,
    seed: int,
    task: Method | Combo,
) -> Validated:
    """Return images that a classifier is evaluated on, each of them whole.

    Args:
        name: where they are from.
        items: the images.
        num_classes: C.
        train: settings of the training.
        seed: seed of the samples.
        task: the classifier.
    """
    whole = (train.crop, train.crop)
    samples = ClassificationSet(items, num_classes, whole, train.crop, NO_JITTER, seed)
    return Validated(name, samples, partial(classified, task.logits), partial(draw_maps, task.cam))


def classified(classify: Callable[[Tensor], Tensor], batches: Iterable[Batch]) -> Measurement:
    """Compare the labels that a classifier predicts with those of the images.

    Args:
        classify: images (B, 3, S, S) to logits (B, C).
        batches: image (B, 3, S, S), normalised, and label (B, C).

    Returns:
        `mAP` and `F1`, means over the classes that occur, in [0, 1]; nothing without any.
    """
    pairs = [(classify(batch["image"]).float(), batch["label"] > 0) for batch in batches]
    logits, present = (torch.cat(part).cpu().numpy() for part in zip(*pairs, strict=True))
    names = [str(number) for number in range(logits.shape[1])]
    scores = ClassifierScores.of(logits, present, names, "")
    if scores.map is None or scores.f1 is None:
        return Measurement({})
    return Measurement({"mAP": scores.map, "F1": scores.f1}, _signs(scores, logits > 0, present))


def _signs(scores: ClassifierScores, found: np.ndarray, present: np.ndarray) -> dict[str, str]:
    """Return the signs that a classifier learns nothing, from labels (N, C) found and present."""
    signs: dict[str, str] = {}
    if not scores.judged:
        return signs
    ap, chance = (
        mean_of_known(getattr(one, key) for one in scores.judged.values()) or 0.0
        for key in ("ap", "chance")
    )
    # as little as a class that the report calls not learnt
    if ap < chance + LEARNT * (1 - chance):
        signs["chance"] = (
            f"mAP {100 * ap:.1f} % is hardly above that of a random order, {100 * chance:.1f} %: "
            "the classifier has not learnt the labels; check them, or change cam.train.lr"
        )
    if (present != present[0]).any() and not (found != found[0]).any():
        what = "the same classes for every" if found.any() else "no class for any"
        signs["alike"] = f"the classifier predicts {what} image"
    return signs


def draw_maps(cam: Callable[[Tensor], Tensor], sample: Batch) -> np.ndarray:
    """Draw an image beside the strongest activation of its classes, or of all if it has none.

    Args:
        cam: images (1, 3, S, S) to maps (1, C, h, w).
        sample: image (1, 3, S, S) uint8 and label (1, C).

    Returns:
        (S, 2 S, 3) uint8.
    """
    maps = cam(network_input(sample)["image"]).float()
    classes = sample["label"][0] > 0
    chosen = maps[:, classes] if classes.any() else maps
    strength = resize_bilinear(chosen.amax(1, keepdim=True).clamp(min=0), plane(sample["image"]))
    opacity = (strength / strength.max().clamp(min=1e-6))[0, 0, :, :, None].cpu().numpy()
    image = pixels(sample)
    grey = image.mean(2, keepdims=True)
    return beside(image, (1 - opacity) * grey + opacity * _HEAT)
