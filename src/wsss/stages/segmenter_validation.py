"""What a segmenter is evaluated on while it is trained: metrics, signs of failure, pictures."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from wsss.config.segmenter import SegmenterTrain
from wsss.data.held_out import HeldOut
from wsss.data.pixels import network_input
from wsss.data.sets.segmentation import SegmentationSet
from wsss.data.validation import Measurement, Validated, Validations, extent, some
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import LabelReader, palette
from wsss.losses.segmentation import resized_labels
from wsss.metrics.confusion import confusion, mean_iou_present
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.task import Batch
from wsss.ops.resize import plane, resize_bilinear
from wsss.stages.held_out import NO_JITTER
from wsss.stages.pictures import beside, pixels


def agreement(conf: np.ndarray) -> float:
    """Fraction of the pixels whose label is the given one.

    Args:
        conf: counts (L, L), rows given, columns predicted.

    Returns:
        Ratio in [0, 1]; 0 without pixels.
    """
    return float(np.trace(conf) / max(1, conf.sum()))


METRICS = {"mIoU": mean_iou_present, "agreement": agreement}
"""Metrics of a segmenter by their names."""


def of_segmenter(samples: SegmentationSet, train: SegmenterTrain, net: Segmenter) -> HeldOut | None:
    """Return the held-out part of a segmenter, which is compared with its pseudo labels.

    Args:
        samples: crops of the held-out images; without any there is no such part.
        train: settings of the training.
        net: the segmenter.
    """
    if train.early_stopping is None or not len(samples):
        return None
    images = segmented("held_out", samples, net, "mIoU", "agreement")
    return HeldOut(images, "mIoU", train.early_stopping)


def validations_of_segmenter(
    args: argparse.Namespace,
    learnt: Sequence[Item],
    held_out: bool,
    make: Callable[[Sequence[Item]], SegmentationSet],
    train: SegmenterTrain,
    seed: int,
    net: Segmenter,
) -> Validations:
    """Return the validations of a segmenter.

    They compare it with the pseudo labels of images that it learns, unless it is compared with
    those of held-out ones, and with masks of val, if there are any.

    Args:
        args: options of the stage.
        learnt: images that it learns.
        held_out: others are held out.
        make: makes samples of images without random changes, with their pseudo labels.
        train: settings of the training.
        seed: seed of the choice.
        net: the segmenter.
    """
    val = Index.read(*args.val_index).split("val") if args.val_index else ()
    masks = Masks.read(*args.val_masks) if args.val_masks else Masks("")
    known = [item for item in val if item.image_id in masks.paths]
    parts = (not held_out) + bool(known)
    samples = train.length(len(learnt)) * train.batch_size
    count, images = extent(args.monitor, samples, max(1, parts), frozen=train.freeze == "all")
    if not count:
        return Validations()
    found = []
    if not held_out:
        found.append(segmented("train", make(some(learnt, images, seed)), net, "agreement"))
    if known:
        still = SegmentationSet(
            some(known, images, seed),
            LabelReader([]),
            (1.0, 1.0),
            train.crop,
            NO_JITTER,
            seed,
            train.augmentation,
            masks=masks,
        )
        found.append(segmented("val", still, net, "mIoU"))
    return Validations(count, tuple(found))


def segmented(name: str, samples: SegmentationSet, net: Segmenter, *metrics: str) -> Validated:
    """Return images that a segmenter is evaluated on.

    Args:
        name: where they are from.
        samples: their samples.
        net: the segmenter.
        *metrics: names of `METRICS`.
    """
    return Validated(name, samples, partial(compared, net, metrics), partial(draw_labels, net))


def compared(net: Segmenter, metrics: Sequence[str], batches: Iterable[Batch]) -> Measurement:
    """Compare predicted with given labels.

    Args:
        net: images (B, 3, S, S) to logits (B, L, h, w).
        metrics: names of `METRICS`.
        batches: image (B, 3, S, S), normalised, and label (B, S, S), 255 = ignored.
    """
    total: np.ndarray | None = None
    for batch in batches:
        logits = net(batch["image"])
        labels = resized_labels(batch["label"], plane(logits)).flatten(0, 1).cpu().numpy()
        found = logits.argmax(1).flatten(0, 1).cpu().numpy()
        counts = confusion(found, labels, logits.shape[1])
        total = counts if total is None else total + counts
    if total is None:
        return Measurement(dict.fromkeys(metrics, 0.0))
    return Measurement({name: METRICS[name](total) for name in metrics}, _failures(total))


def _failures(conf: np.ndarray) -> dict[str, str]:
    """Return the signs that a segmenter learns nothing.

    Args:
        conf: counts (L, L), rows given, columns predicted.
    """
    given, found = conf.sum(1), conf.sum(0)
    if (given > 0).sum() > 1 and (found > 0).sum() == 1:
        label = int(found.argmax())
        name = f"class {label}" if label else "background"
        return {"alike": f"the segmenter predicts {name} everywhere"}
    reached, background = agreement(conf), given[0] / max(1, conf.sum())
    if reached >= background:
        return {}
    text = (
        f"{100 * reached:.1f} % of the pixels agree with their labels, fewer than the "
        f"{100 * background:.1f} % of background everywhere"
    )
    return {"background": text}


def draw_labels(net: Segmenter, sample: Batch) -> np.ndarray:
    """Draw an image beside its labels and those that are predicted.

    Args:
        net: images (1, 3, S, S) to logits (1, L, h, w).
        sample: image (1, 3, S, S) uint8 and label (1, S, S).

    Returns:
        (S, 3 S, 3) uint8, in the colours of VOC.
    """
    logits = resize_bilinear(net(network_input(sample)["image"]).float(), plane(sample["image"]))
    image = pixels(sample)
    labels = (sample["label"][0], logits.argmax(1)[0])
    return beside(image, *((image + palette()[one.cpu().numpy()]) / 2 for one in labels))
