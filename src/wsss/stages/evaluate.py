"""Compare the predictions of one stage with the masks, and with the image-level labels.

No earlier stage reads the masks. Label agreement, coverage and the criteria of location need none.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

from wsss.config.model import Evaluate
from wsss.config.slices import read_slice
from wsss.errors import UserError, first_of
from wsss.io.atomic import write_text
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import IGNORE, LabelReader, label_ids, read_mask
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.io.validated_maps import read_cam, read_refined
from wsss.metrics.result import (
    CRITERIA,
    METRICS,
    Counts,
    Evaluation,
    Metrics,
    Support,
    ThresholdCurve,
    absence,
)
from wsss.metrics.tally import SeedTally, Tally
from wsss.ops.seeds import fixed_seed, upsample_cam
from wsss.products import Form
from wsss.stages.locating import (
    Located,
    locate,
    of_label_maps,
    of_posteriors,
    of_seeds,
    posteriors_name,
)
from wsss.stages.options import add_config_argument

Truth = Callable[[Item, tuple[int, int]], np.ndarray | None]
"""Function from an image and its size (H, W) to its mask (H, W); None without a mask."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--product", required=True, help="name of the product, for its metrics")
    parser.add_argument("--form", required=True, choices=get_args(Form), help="its form")
    parser.add_argument("--split", required=True, help="split of the index to evaluate")
    parser.add_argument("--index", required=True, type=Path, help="table of images")
    parser.add_argument("--masks", required=True, type=Path, help="table of masks; may be empty")
    parser.add_argument(
        "--predictions", required=True, type=Path, help="commit record of the predictions"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        nargs="*",
        default=[],
        help="record of pseudo labels that a segmenter's masks are compared with",
    )
    parser.add_argument("--out", required=True, type=Path, help="eval.json to write")
    add_config_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Evaluate the predictions and write the eval file (`Evaluation`).

    Results by name: the product's for label maps (walk); one per background exponent for maps with
    background (refined alpha 4, ...); for maps without background "cam mask-free" and, with masks,
    "cam" (at the oracle threshold), and with `evaluate.threshold` "cam fixed", the seeds of
    `fixed_seed`, which do not change the curve and the chosen thresholds.

    Raises:
        UserError: predictions are missing or of another split, or do not fit their mask.
    """
    # inputs
    config: Evaluate = read_slice(args.config).evaluate
    index, masks = Index.read(args.index), Masks.read(args.masks)
    items, num_labels = index.split(args.split), index.num_classes + 1
    name: str = args.product
    reader = (LabelReader if args.form == "labels" else MapsReader)([args.predictions])
    _check_complete(reader.ids, items, args.split)
    if masks.paths and masks.paths.keys().isdisjoint(index.by_id):
        raise UserError(f"{args.masks}: has no mask of these images; delete it and run again")
    # counts over the images
    truth, curve = _truth_of(masks, num_labels), None
    counts: Mapping[str, Counts] = {}
    located: Located = {}
    if not items:
        log.info("%s: split %s has no image", name, args.split)
    elif isinstance(reader, LabelReader):
        counts = _label_maps(name, reader, items, truth, num_labels, config)
        pseudo_labels = LabelReader(args.labels) if args.labels else None
        located = locate(name, items, of_label_maps(name, reader, pseudo_labels))
    elif args.form == "posteriors":
        counts = _posteriors(name, reader, items, truth, num_labels, config)
        located = locate(name, items, of_posteriors(name, reader))
    else:
        curve, counts = _seeds(name, reader, items, truth, num_labels, config)
        seed = of_seeds(f"{name} mask-free", reader, curve.mask_free.threshold)
        located = locate(name, items, seed)
    # metrics
    support = Support(
        split=args.split,
        ground_truth=masks.source,
        images=sum(item.image_id in masks.paths for item in items),
        images_predicted=len(items),
    )
    evaluation = Evaluation(
        **dict(support),
        product=name,
        results={
            result: Metrics.of(
                replace(counted, criteria=located.get(result, {})), index.class_names, support
            )
            for result, counted in counts.items()
        },
        threshold_curve=curve,
        predictions=reader.digest if isinstance(reader, LabelReader) else "",
    )
    write_text(args.out, evaluation.to_text())
    _log(evaluation)


def _seeds(
    name: str,
    reader: MapsReader,
    items: Sequence[Item],
    truth: Truth,
    num_labels: int,
    config: Evaluate,
) -> tuple[ThresholdCurve, Mapping[str, Counts]]:
    """Count the seeds of CAMs at all thresholds and at the fixed one."""
    thresholds = np.unique(np.asarray(config.thresholds, float))
    tally = SeedTally(num_labels, config.min_area, thresholds)
    fixed = Tally(num_labels, config.min_area, threshold=config.threshold)
    for item in track(items, f"evaluate {name}"):
        # (K, h, w) -> (K, H, W)
        stored, size = read_cam(reader, item)
        cam, mask = upsample_cam(stored, size), truth(item, size)
        classes = np.array(item.classes, int)
        tally.add(item.image_id, item.classes, cam, classes, mask)
        if config.threshold is not None:
            seed = fixed_seed(cam, classes, config.threshold)
            fixed.add(item.image_id, item.classes, seed, mask)
    curve, counts = tally.result()
    names = {"oracle": name, "mask-free": f"{name} mask-free"}
    found = {names[choice]: counted for choice, counted in counts.items()}
    return curve, found | ({} if config.threshold is None else {f"{name} fixed": fixed.result()})


def _posteriors(
    name: str,
    reader: MapsReader,
    items: Sequence[Item],
    truth: Truth,
    num_labels: int,
    config: Evaluate,
) -> Mapping[str, Counts]:
    """Count the most probable labels of CRF posteriors, for every background exponent."""
    tallies: dict[float, Tally] = {}
    for item in track(items, f"evaluate {name}"):
        ids = label_ids(np.array(item.classes, int))
        found = read_refined(reader, item)
        mask = truth(item, _size(next(iter(found.values()))[0]))
        for alpha, posteriors in found.items():
            # (K + 1, H, W) -> (H, W)
            labels = ids[posteriors.argmax(0)]
            tally = tallies.setdefault(alpha, Tally(num_labels, config.min_area, alpha=alpha))
            tally.add(item.image_id, item.classes, labels, mask)
    return {posteriors_name(name, alpha): tally.result() for alpha, tally in tallies.items()}


def _label_maps(
    name: str,
    reader: LabelReader,
    items: Sequence[Item],
    truth: Truth,
    num_labels: int,
    config: Evaluate,
) -> Mapping[str, Counts]:
    """Count label maps."""
    tally = Tally(num_labels, config.min_area)
    for item in track(items, f"evaluate {name}"):
        labels = reader.read(item.image_id)
        tally.add(item.image_id, item.classes, labels, truth(item, _size(labels)))
    return {name: tally.result()}


def _size(labels: np.ndarray) -> tuple[int, int]:
    height, width = labels.shape
    return height, width


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
    missing, foreign = sorted(wanted - given), sorted(given - wanted)
    for what, names in (
        ("images without a prediction", missing),
        ("predictions of other images", foreign),
    ):
        if names:
            raise UserError(
                f"split {split}: {what}: {first_of(names)}; "
                "give the record of all predictions of this split"
            )


def _log(evaluation: Evaluation) -> None:
    absent: tuple[str, ...] = ()
    for name, result in sorted(evaluation.results.items()):
        miou = "no mIoU, no masks"
        if result.miou is not None:
            miou = (
                f"mIoU {100 * result.miou:.2f} % (everything background "
                f"{100 * (result.miou_background or 0):.2f} %) of {result.images} "
                f"{result.split} images with masks"
            )
            absent = result.absent_classes or ()
        if absent and result.miou_present is not None:
            miou += f" ({100 * result.miou_present:.2f} % over the classes in them)"
        agreement = (
            f"label agreement {100 * result.label_agreement:.1f} % of "
            f"{result.images_predicted} images"
        )
        criteria = [
            f"{METRICS[key].title} {100 * value:.1f} %"
            for key in CRITERIA
            if result.miou is None and (value := result.value(key)) is not None
        ]
        log.info("%s", ", ".join([f"{name}: {miou}", agreement, *criteria]))
    if absent:
        log.warning(absence(absent, evaluation.split))
