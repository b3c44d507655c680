"""Queue the pseudo labels that are worth a look, the most suspicious first.

A table review.tsv is written into the folder of every run: rank, image, score, reasons, labels and
mask. `wsss export <format> --queue` hands the first ones to an annotation tool, and the folder
of corrected masks is named in segment.corrected. No mask is read, except to measure the order
where training images have some, or for --by-masks.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console

from wsss import runnames
from wsss.errors import UserError
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.io.queue import FILE, Suspect, write_queue
from wsss.io.validated_maps import read_cam, read_refined
from wsss.metrics import suspicion
from wsss.metrics.result import Evaluation
from wsss.ops.seeds import seed_labels, upsample_cam
from wsss.pipeline import EVALUATED, pseudo_labels
from wsss.plan.artifacts import Plan
from wsss.products import TRAIN, Product
from wsss.report.ranking import spearman
from wsss.stages.console import plain_table
from wsss.workflow.arguments import add_configs_argument
from wsss.workflow.plans import planned

_SHOWN = 10
"""Images that are printed, with their main reasons."""

Before = Callable[[Item], suspicion.Stage]
"""Function from an image to its label map at the stage before."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_configs_argument(parser)
    parser.add_argument(
        "--by-masks",
        action="store_true",
        help="order by the IoU with masks of training images, which are for evaluation only",
    )


def run(args: argparse.Namespace) -> None:
    """Write the queue of every run that has pseudo labels.

    Raises:
        UserError: no run has any, files are damaged, or there are no masks for --by-masks.
    """
    plan = planned(args.configs)
    names = [name for name in plan.runs if runnames.main(name) == name]
    found = {name: row for name in names if (row := _last(plan, name))}
    if not found:
        raise UserError(
            f"{plan.folder}: no run has pseudo labels of its training images yet; wsss status says "
            "what is not made"
        )
    for name, row in found.items():
        _review(plan, name, row, args.by_masks)


def _last(plan: Plan, run: str) -> Product | None:
    """Return the last product of a run with finished label maps of the training images."""
    for row in reversed(EVALUATED):
        if row.kind == "labels" and _path(plan, row.name, run):
            return row
    return None


def _path(plan: Plan, product: str, run: str) -> Path | None:
    """Return the record of a product of a run on train; None if it is not there."""
    artifact = plan.artifact(product, TRAIN, run)
    return Path(artifact.path) if artifact and artifact.exists else None


def _review(plan: Plan, run: str, row: Product, by_masks: bool) -> None:
    """Write the queue of a run."""
    index = plan.artifact("index", TRAIN)
    record = _path(plan, row.name, run)
    assert index is not None and record is not None, "what label maps are made from is there"
    table, labels = Index.read(Path(index.path)), LabelReader([record])
    place = Path(plan.folder, run, row.place, TRAIN)
    folder = place if place.exists() else record.parent
    before, undecided, ious = _before(plan, run, row), _undecided(plan, run), _ious(plan, run, row)
    if by_masks and not ious:
        raise UserError(f"--by-masks: no training image of {run} has a mask; leave it out")
    done, suspects = _corrected(plan, run), []
    for item in track(table.split(TRAIN), f"review {run}"):
        if item.image_id in done or (by_masks and item.image_id not in ious):
            continue
        known = labels.read(item.image_id)
        classes = {number + 1: table.class_names[number] for number in item.classes}
        doubts = suspicion.doubts(
            known,
            classes,
            before and before(item),
            undecided and undecided(item),
        )
        suspects.append(
            Suspect(
                item.image_id,
                suspicion.suspicion(doubts),
                suspicion.reasons(doubts),
                list(classes.values()),
                folder / f"{item.image_id}.png",
                ious.get(item.image_id),
            )
        )
    suspects.sort(key=lambda one: (one.iou or 0.0) if by_masks else -one.score)
    out = Path(plan.folder, run, FILE)
    write_queue(out, suspects)
    _show(run, suspects, by_masks)
    log.info("%s: %d pseudo labels; hand the first to an annotation tool:", out, len(suspects))
    log.info("  wsss export labelme --queue %s --first 50 --out corrected", out)


def _corrected(plan: Plan, run: str) -> set[str]:
    """Return the ids of the images whose pseudo labels the segmenter does not learn."""
    record, masks = _path(plan, "corrected", run), plan.artifact("masks", TRAIN)
    ids = set(LabelReader([record]).ids) if record else set()
    if masks is not None and plan.runs[run].learns_masks():
        ids |= Masks.read(Path(masks.path)).paths.keys()
    return ids


def _before(plan: Plan, run: str, row: Product) -> Before | None:
    """Return a reader of the nearest stage before a product that is there; None without one."""
    for earlier in reversed(EVALUATED[: EVALUATED.index(row)]):
        path = _path(plan, earlier.name, run)
        if path is not None and (earlier in pseudo_labels(row) or earlier.kind == "maps"):
            return _reader(plan, run, earlier, path)
    return None


def _reader(plan: Plan, run: str, row: Product, path: Path) -> Before | None:
    """Return a reader of the label maps of a product."""
    title = row.title.lower()
    if row.kind == "labels":
        known = LabelReader([path])
        return lambda item: suspicion.Stage(title, known.read(item.image_id))
    maps = MapsReader([path])
    if row.background:

        def refined(item: Item) -> suspicion.Stage:
            scores = list(read_refined(maps, item).values())
            return suspicion.refined_stage(title, scores, item.classes)

        return refined
    evaluation = Path(plan.evaluation(row, TRAIN, run).path)
    curve = Evaluation.read(evaluation).threshold_curve if evaluation.is_file() else None
    if curve is None:
        return None
    threshold = curve.mask_free.threshold

    def seed(item: Item) -> suspicion.Stage:
        cam = upsample_cam(*read_cam(maps, item))
        return suspicion.Stage("seeds", seed_labels(cam, np.array(item.classes, int), threshold))

    return seed


def _undecided(plan: Plan, run: str) -> Callable[[Item], float] | None:
    """Return what measures the share of pixels that the refined maps disagree on; None without."""
    path = _path(plan, "refined", run)
    if path is None:
        return None
    maps = MapsReader([path])
    return lambda item: suspicion.undecided_share(list(read_refined(maps, item).values()))


def _ious(plan: Plan, run: str, row: Product) -> dict[str, float]:
    """Return the IoU of the label maps with masks by image id, as the evaluation measured it."""
    path = Path(plan.evaluation(row, TRAIN, run).path)
    if not path.is_file():
        return {}
    return dict(Evaluation.read(path).results[row.name].per_image)


def _show(run: str, suspects: list[Suspect], by_masks: bool) -> None:
    """Print the first images, and how well the order agrees with masks where there are some."""
    grid = plain_table("image", "score", *(["IoU"] if by_masks else []), "reasons")
    grid.columns[-1].justify, grid.columns[-1].no_wrap = "left", False
    for one in suspects[:_SHOWN]:
        iou = [f"{one.iou:.2f}"] if by_masks and one.iou is not None else []
        grid.add_row(one.image, f"{one.score:.3f}", *iou, "; ".join(one.reasons[:2]))
    Console(highlight=False).print(grid)
    if by_masks:
        log.info("%s: ordered by masks of training images, which are for evaluation only", run)
    pairs = [(one.score, one.iou) for one in suspects if one.iou is not None]
    if len(pairs) > 2 and (value := spearman(*zip(*pairs, strict=True))) is not None:
        log.info(
            "%s: rank correlation of score and IoU %+.2f over %d images with masks; -1 is best",
            *(run, value, len(pairs)),
        )
