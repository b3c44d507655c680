"""Correct the pseudo labels by the masks that SAM finds at the peaks of the class maps."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch

from wsss.config.sam import Sam
from wsss.config.slices import read_slice
from wsss.data.views import scaled_copies, views
from wsss.errors import UserError
from wsss.io.background import ahead, behind
from wsss.io.index import Item
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.nn.licences import report
from wsss.nn.sam import SamNet, load_sam
from wsss.ops.masks import merge, peaks
from wsss.stages.finite import finite_scores
from wsss.stages.inference import arithmetic, device, for_inference
from wsss.stages.parts import add_part_arguments, part_items, provenance, read_with_cam


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    parser.add_argument("--cams", type=Path, required=True, help="record of the CAMs")
    parser.add_argument("--labels", type=Path, required=True, help="record of the pseudo labels")
    parser.add_argument("--model", required=True, help="folder of SAM, or its name on the hub")


def run(args: argparse.Namespace) -> None:
    """Correct the pseudo labels of a part of the images."""
    sam = read_slice(args.config).sam
    items, cams = part_items(args.index, args.split, args.part), MapsReader([args.cams])
    labels = LabelReader([args.labels])
    log.info("sam_labels: %d images of %s, part %s", len(items), args.split, args.part)
    net, origin = load_sam(args.model)
    report(origin)
    for_inference(net, args.threads, sam.precision)
    made = provenance(args.config, args.model, [origin.model_dump()])
    with LabelWriter(args.out, made) as out, behind(out.put) as put:
        found = ahead(items, partial(_read, cams, labels), args.threads)
        for item, (image, cam, ids) in track(found, "SAM", len(items)):
            with finite_scores(item.image, args.model, remedy="set sam.precision: 32-true"):
                put(item.image_id, corrected(net, image, prompts(item, cam, ids, sam), ids, sam))


def _read(
    cams: MapsReader, labels: LabelReader, item: Item
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read an image, its maps and its label map.

    Raises:
        UserError: one of them is missing, invalid or of another size.
    """
    image, cam = read_with_cam(cams, item)
    ids = labels.read(item.image_id)
    if ids.shape != image.shape[:2]:
        raise UserError(
            f"{item.image}: the image changed since its pseudo labels were made; run snakemake "
            "again"
        )
    return image, cam, ids


def prompts(item: Item, cam: np.ndarray, ids: np.ndarray, sam: Sam) -> np.ndarray:
    """Return the peaks (n, 2) of the maps among the pixels that are labelled with their classes.

    Args:
        item: the image.
        cam: maps of its classes (K, H, W) float32.
        ids: its label map (H, W) uint8.
        sam: the number of peaks.
    """
    own = (
        np.where(ids == number + 1, one, 0) for number, one in zip(item.classes, cam, strict=True)
    )
    return np.concatenate([np.zeros((0, 2), np.int64), *(peaks(one, sam.points) for one in own)])


@torch.no_grad()
def corrected(
    net: SamNet, image: np.ndarray, points: np.ndarray, ids: np.ndarray, sam: Sam
) -> np.ndarray:
    """Return the label map (H, W) uint8 after the merge of the masks at some points.

    Args:
        net: SAM.
        image: (H, W, 3) uint8 RGB.
        points: rows and columns (n, 2).
        ids: label map (H, W) uint8.
        sam: least quality of the masks, and the arithmetic.
    """
    if not len(points):
        return ids
    (view,) = views(scaled_copies(image, [1.0], "torch").copies, device())
    with arithmetic(device(), sam.precision):
        masks, quality = net(view, torch.from_numpy(points).to(device()))
    return merge(ids, masks[quality >= sam.quality].cpu().numpy())
