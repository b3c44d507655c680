"""Compare the predictions of one stage with the masks, and with the image-level labels.

The masks are read here and in no stage before. Without masks the stage still reports how well the
predictions agree with the image-level labels and how much of the images they cover.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsss.config.model import Evaluate
from wsss.config.slices import read_slice
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import IGNORE, LabelReader, label_ids, read_mask
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.io.validated_maps import read_cam, read_crf
from wsss.ops.cam import fixed_seed, upsample_cam
from wsss.ops.confusion import iou, mean_iou, mean_iou_present, precision_recall, present
from wsss.report.files import evaluation_text
from wsss.report.scores import SeedTally, Tally
from wsss.report.tables import absence

Truth = Callable[[Item, tuple[int, int]], np.ndarray | None]
"""Returns the mask (H, W) of an image of the given size, None where there is none."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the stage."""
    parser.add_argument("--kind", required=True, choices=("cam", "crf", "walk", "segment"))
    parser.add_argument("--split", required=True, help="split of the index to evaluate")
    parser.add_argument("--index", required=True, type=Path, help="table of images")
    parser.add_argument("--masks", required=True, type=Path, help="table of masks; may be empty")
    parser.add_argument("--predictions", required=True, type=Path, nargs="+", help="shard files")
    parser.add_argument("--out", required=True, type=Path, help="eval.json to write")
    parser.add_argument("--config", required=True, help="slice of the configuration as JSON")


def run(args: argparse.Namespace) -> None:
    """Evaluate the predictions and write the eval file.

    It holds kind, split, ground_truth (where the masks come from), images (with a mask),
    images_predicted (all) and results: name -> miou, miou_present, absent_classes, iou per class,
    precision, recall, confusion (all None without masks), per_image, which rest on `images`;
    coverage, label_agreement, which rest on `images_predicted`; split, ground_truth and both
    counts. A class that never occurs in the masks counts as 0 in miou, as in the official
    evaluations; it is one of absent_classes and miou_present leaves it out. Kind cam adds the
    figures of `SeedTally.document`, and with `evaluate.threshold` the result "cam fixed": the
    seeds of `fixed_seed`, which leave the curve and the chosen thresholds as they are.

    Raises:
        UserError: predictions are missing or of another split, or do not fit their mask.
    """
    config = read_slice(args.config).evaluate
    index, masks = Index.read(args.index), Masks.read(args.masks)
    items = index.split(args.split)
    reader = (MapsReader if args.kind in ("cam", "crf") else LabelReader)(args.predictions)
    _check_complete(reader.ids, items, args.split)
    if masks.paths and masks.paths.keys().isdisjoint(index.by_id):
        raise UserError(f"{args.masks}: has no mask of these images; delete it and run again")
    truth, num_labels = _truth_of(masks, index.num_classes + 1), index.num_classes + 1
    if args.kind == "cam":
        body = _seeds(reader, items, truth, num_labels, config)
    else:
        body = {"results": _label_maps(args.kind, reader, items, truth, num_labels, config)}
    common = {
        "kind": args.kind,
        "split": args.split,
        "ground_truth": masks.source,
        "images": sum(item.image_id in masks.paths for item in items),
        "images_predicted": len(items),
    }
    body["results"] = {
        name: result | _figures(result["confusion"], index.class_names, common)
        for name, result in body["results"].items()
    }
    write_text(args.out, evaluation_text(body | common))
    _log(body["results"], common)


def _seeds(
    reader: MapsReader, items: Sequence[Item], truth: Truth, num_labels: int, config: Evaluate
) -> dict[str, Any]:
    thresholds = np.unique(np.asarray(config.thresholds, float))
    tally = SeedTally(num_labels, config.min_area, thresholds)
    fixed = Tally(num_labels, config.min_area)
    for item in track(items, "evaluate cam"):
        stored, size = read_cam(reader, item)
        cam, mask = upsample_cam(stored, size), truth(item, size)
        classes = np.array(item.classes, int)
        tally.add(item.image_id, item.classes, cam, classes, mask)
        if config.threshold is not None:
            seed = fixed_seed(cam, classes, config.threshold)
            fixed.add(item.image_id, item.classes, seed, mask)
    document = tally.document()
    if config.threshold is not None:
        document["results"]["cam fixed"] = {"threshold": config.threshold, **fixed.result()}
    return document


def _label_maps(
    kind: str,
    reader: MapsReader | LabelReader,
    items: Sequence[Item],
    truth: Truth,
    num_labels: int,
    config: Evaluate,
) -> dict[str, Any]:
    tallies: dict[str, Tally] = {}
    for item in track(items, f"evaluate {kind}"):
        for name, labels in _labels(kind, reader, item):
            tally = tallies.setdefault(name, Tally(num_labels, config.min_area))
            tally.add(item.image_id, item.classes, labels, truth(item, labels.shape))
    return {name: tally.result() for name, tally in tallies.items()}


def _labels(
    kind: str, reader: MapsReader | LabelReader, item: Item
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the label maps (H, W) of an image with the name of their result."""
    if kind != "crf":
        yield kind, reader.read(item.image_id)
        return
    ids = label_ids(item.classes)
    for alpha, posteriors in read_crf(reader, item).items():
        yield f"crf alpha {alpha:g}", ids[posteriors.argmax(0)]


def _truth_of(masks: Masks, num_labels: int) -> Truth:
    def truth(item: Item, size: tuple[int, int]) -> np.ndarray | None:
        path = masks.paths.get(item.image_id)
        if path is None:
            return None
        labels = read_mask(masks, item.image_id)
        if labels.shape != size:
            raise UserError(
                f"{path}: the mask is {labels.shape}, the prediction {size} (height, width); "
                "both must be as large as the image"
            )
        worst = labels[labels != IGNORE].max(initial=0)
        if worst >= num_labels:
            raise UserError(f"{path}: holds label {worst}, but the labels end at {num_labels - 1}")
        return labels

    return truth


def _check_complete(ids: Sequence[str], items: Sequence[Item], split: str) -> None:
    wanted, given = {item.image_id for item in items}, set(ids)
    for what, where in ((wanted - given, "without prediction"), (given - wanted, "not in it")):
        if what:
            names = ", ".join(sorted(what)[:3])
            raise UserError(
                f"split {split}: {len(what)} images {where} ({names}, ...); "
                "give all shards of exactly this split"
            )


def _figures(
    counts: np.ndarray, class_names: Sequence[str], common: dict[str, Any]
) -> dict[str, Any]:
    """Return the figures drawn from a confusion matrix (L, L), and what they rest on."""
    names = ("background", *class_names)
    precision, recall = precision_recall(counts)
    figures = {
        "miou": float(mean_iou(counts)),
        "miou_present": mean_iou_present(counts),
        "absent_classes": [n for n, there in zip(names, present(counts), strict=True) if not there],
        "iou": dict(zip(names, iou(counts).tolist(), strict=True)),
        "precision": precision,
        "recall": recall,
        "confusion": counts.tolist(),
    }
    return {
        **(figures if common["images"] else dict.fromkeys(figures)),
        **{key: common[key] for key in ("images", "images_predicted", "split", "ground_truth")},
    }


def _log(results: dict[str, Any], common: dict[str, Any]) -> None:
    judged, predicted, split = common["images"], common["images_predicted"], common["split"]
    absent: list[str] = []
    for name, result in sorted(results.items()):
        miou = "no mIoU, no masks"
        if result["miou"] is not None:
            miou = f"mIoU {100 * result['miou']:.2f} % of {judged} {split} images with masks"
            absent = result["absent_classes"]
        if absent:
            miou += f" ({100 * result['miou_present']:.2f} % over the classes in them)"
        agreement = f"label agreement {100 * result['label_agreement']:.1f} % of {predicted} images"
        log.info("%s: %s, %s", name, miou, agreement)
    if absent:
        log.warning(absence(absent, split))
