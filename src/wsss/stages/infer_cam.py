"""Compute the class activation maps of the labelled classes, over scales and mirrored views."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wsss.config.caminfer import CamInfer
from wsss.config.slices import read_slice
from wsss.data.views import Scaled, views
from wsss.engine.tta import each_view
from wsss.errors import UserError
from wsss.io.background import ahead, behind
from wsss.io.maps import MapsWriter
from wsss.io.progress import log, track
from wsss.io.validated_maps import STRIDE
from wsss.methods.base import Method
from wsss.methods.combo import Combo
from wsss.metrics.location import stability
from wsss.ops.finite import finite
from wsss.stages.classifiers import load_method
from wsss.stages.finite import finite_scores
from wsss.stages.inference import (
    Watch,
    arithmetic,
    for_inference,
    read_scaled,
)
from wsss.stages.parts import add_part_arguments, part_items, provenance

_COMPARED = 160
"""Longer side in cells of the maps of views that are compared; larger ones are thinned out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    parser.add_argument("--model", type=Path, required=True, help="model.pt of the classifier")


def run(args: argparse.Namespace) -> None:
    """Compute the maps of a part of the images."""
    config = read_slice(args.config).cam.infer
    items = part_items(args.index, args.split, args.part)
    log.info("infer_cam: %d images of %s, part %s", len(items), args.split, args.part)
    method = for_inference(load_method(args.model), args.threads, config.precision)
    watch = Watch(method)
    read = partial(read_scaled, scales=config.views()[0], resampling=config.resampling)
    with (
        MapsWriter(args.out, provenance(args.config, args.model)) as out,
        behind(out.put) as put,
    ):
        found = ahead(items, read, args.threads)
        for item, given in track(found, "class activation maps", len(items)):
            _check_size(item.image, given.size, method.smallest())
            with finite_scores(item.image, args.model), watch():
                cam, stable = compute_cam(method, given, item.classes, config)
            size, classes = np.array(given.size), np.array(item.classes, np.int64)
            put(item.image_id, classes=classes, cam=cam, size=size, stability=stable)


def _check_size(image: Path, size: tuple[int, int], smallest: int) -> None:
    """Raise a UserError for an image that is smaller than the method can do."""
    if min(size) < smallest:
        raise UserError(
            f"{image}: {size[1]} x {size[0]} pixels, but the method needs {smallest} on each side; "
            "enlarge it, or leave it out"
        )


def compute_cam(
    method: Method | Combo, given: Scaled, classes: Sequence[int], config: CamInfer
) -> tuple[np.ndarray, np.ndarray]:
    """Return the maps (K, ceil(H/4), ceil(W/4)) float16 in [-1, 1] of the image's K labels.

    Views are joined and scaled as the method says: in `infer_cls.py` of PSA they are added. SEAM's
    scaling sends the minimum of an almost constant map far below -1, which says no more than -1.

    Returns:
        The maps, and their `stability` () float32 over the views; NaN where it is None.

    Raises:
        NotFiniteError: the network gives numbers that are not finite.
    """
    height, width = (-(-side // STRIDE) for side in given.size)
    size = (height, width)
    if not classes:
        return np.zeros((0, *size), np.float16), np.array(np.nan, np.float32)
    where = next(method.parameters()).device
    present = torch.tensor(classes, device=where)
    step, seen = -(-max(size) // _COMPARED), list[Tensor]()

    def noted(view: Tensor) -> Tensor:
        seen.append(view[:, ::step, ::step].contiguous())
        return view

    _, flip = config.views()
    with arithmetic(where, config.precision):
        found = each_view(
            views(given.copies, where),
            lambda batch: method.infer(batch, size, present),
            size,
            flip,
        )
        total = method.join_views(map(noted, found), flip)
    cam = method.scale_maps(finite(total.cpu().numpy(), "class maps"))
    cam = finite(cam, "scaled class maps").clip(-1, 1)
    scaled = [method.scale_maps(view.cpu().numpy()) for view in seen]
    stable = stability(scaled, cam[:, ::step, ::step])
    return cam.astype(np.float16), np.array(np.nan if stable is None else stable, np.float32)
