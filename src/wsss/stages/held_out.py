"""Held-out parts of the training images, by which a training ends early."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from wsss.config.training import ClassifierTrain, StoppedTrain
from wsss.data.held_out import HeldOut, hold_out
from wsss.data.sets.classification import ClassificationSet
from wsss.data.sets.segmentation import SegmentationSet
from wsss.io.index import Item
from wsss.io.progress import log
from wsss.losses.segmentation import resized_labels
from wsss.metrics.confusion import confusion, mean_iou_present
from wsss.metrics.ranking import average_precision
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.task import Batch
from wsss.ops.resize import plane

NO_JITTER = (0.0, 0.0, 0.0, 0.0)


def divide(
    items: Sequence[Item],
    train: StoppedTrain,
    seed: int,
    comparable: Callable[[Sequence[Item]], bool] = bool,
) -> tuple[Sequence[Item], Sequence[Item]]:
    """Return the images to learn from and the held-out ones; none without early stopping.

    Args:
        items: the training images.
        train: settings of the training.
        seed: seed of the choice.
        comparable: False for images on which the metric cannot tell networks apart; nothing is
            held out then.
    """
    if train.early_stopping is None:
        return items, ()
    learnt, held = hold_out(items, train.early_stopping.held_out, seed)
    if not comparable(held):
        log.warning(
            "early_stopping: %d images are too few to hold some out; the training has its full "
            "length",
            len(items),
        )
        return items, ()
    log.info("%d of %d images are held out", len(held), len(items))
    return learnt, held


def can_be_ranked(items: Sequence[Item]) -> bool:
    """Return True if some of the images, and not all, have a class in common."""
    count = len(items)
    present = [label for item in items for label in item.classes]
    return any(0 < present.count(label) < count for label in set(present))


def of_classifier(
    items: Sequence[Item],
    num_classes: int,
    train: ClassifierTrain,
    seed: int,
    classify: Callable[[Tensor], Tensor],
) -> HeldOut | None:
    """Return the held-out part of a classifier, whose images are shown whole.

    Args:
        items: the held-out images; without any there is no such part.
        num_classes: C.
        train: settings of the training.
        seed: seed of the samples.
        classify: images (B, 3, S, S) to logits (B, C).
    """
    if train.early_stopping is None or not items:
        return None
    whole = (train.crop, train.crop)
    samples = ClassificationSet(items, num_classes, whole, train.crop, NO_JITTER, seed)
    measure = partial(mean_average_precision, classify)
    return HeldOut(samples, "mAP", measure, train.early_stopping)


def of_segmenter(samples: SegmentationSet, train: StoppedTrain, net: Segmenter) -> HeldOut | None:
    """Return the held-out part of a segmenter, which is compared with its pseudo labels.

    Args:
        samples: crops of the held-out images; without any there is no such part.
        train: settings of the training.
        net: the segmenter.
    """
    if train.early_stopping is None or not len(samples):
        return None
    return HeldOut(samples, "mIoU", partial(overlap, net), train.early_stopping)


def mean_average_precision(classify: Callable[[Tensor], Tensor], batches: Iterable[Batch]) -> float:
    """Mean of the average precision over the classes that the images have.

    Args:
        classify: images (B, 3, S, S) to logits (B, C).
        batches: image (B, 3, S, S), normalised, and label (B, C).

    Returns:
        Ratio in (0, 1].
    """
    pairs = [(classify(batch["image"]).float(), batch["label"] > 0) for batch in batches]
    scores, present = (torch.cat(part).cpu().numpy() for part in zip(*pairs, strict=True))
    classes = np.flatnonzero(present.any(axis=0))
    return fmean(average_precision(scores[:, label], present[:, label]) for label in classes)


def overlap(net: Segmenter, batches: Iterable[Batch]) -> float:
    """Mean IoU of predicted and pseudo labels over the labels that the latter have.

    Args:
        net: images (B, 3, S, S) to logits (B, L, h, w).
        batches: image (B, 3, S, S), normalised, and label (B, S, S), 255 = ignored.

    Returns:
        Ratio in [0, 1].
    """
    total: np.ndarray | None = None
    for batch in batches:
        logits = net(batch["image"])
        labels = resized_labels(batch["label"], plane(logits)).flatten(0, 1).cpu().numpy()
        found = logits.argmax(1).flatten(0, 1).cpu().numpy()
        counts = confusion(found, labels, logits.shape[1])
        total = counts if total is None else total + counts
    return 0.0 if total is None else mean_iou_present(total)
