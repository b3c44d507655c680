"""Predict masks with the segmenter, over scales and mirrored views, without any label."""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wsss.config.segmenter import SegmenterInfer
from wsss.config.segmenters import library, not_installed
from wsss.config.slices import read_slice
from wsss.data.views import Scaled, scaled_copies, views
from wsss.engine.checkpoint import Model, load_model
from wsss.engine.tta import sum_views
from wsss.errors import UserError
from wsss.io.background import ahead, behind
from wsss.io.labels import LabelWriter, label_ids
from wsss.io.progress import log, track
from wsss.nn import segmenters
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.weights import load_state
from wsss.ops.colour import wrapped
from wsss.ops.crf import decide_prediction
from wsss.ops.finite import finite
from wsss.stages.finite import finite_scores
from wsss.stages.inference import (
    Watch,
    arithmetic,
    checkpoint_errors,
    for_inference,
    make_backbone,
    read_scaled,
    winners,
)
from wsss.stages.parts import add_part_arguments, part_items, provenance
from wsss.tiles.layout import Window, blend_rows

Observer = Callable[[np.ndarray], None]
"""Function that is shown the probabilities (L, h, W) float32 of the network, before any CRF: those
of an image, or of one band of its rows after the other."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    parser.add_argument("--model", type=Path, required=True, help="model.pt of the segmenter")


def run(args: argparse.Namespace) -> None:
    """Predict the masks of a part of the images."""
    predict_part(args)


def predict_part(args: argparse.Namespace, among_labels: bool = False) -> None:
    """Predict the masks of a part of the images.

    Args:
        args: options of the stage.
        among_labels: whether pixels take the background or one of the image's labels alone.
    """
    config = read_slice(args.config).segment.infer
    items = part_items(args.index, args.split, args.part)
    log.info("segmenter: %d images of %s, part %s", len(items), args.split, args.part)
    model = load_model(args.model, "segmenter")
    net = make_segmenter(model, args.model)
    watch = Watch(for_inference(net, args.threads, config.precision))
    made = provenance(args.config, args.model, model.meta.get("weights", []))
    read = partial(read_scaled, scales=config.scales, resampling=config.resampling)
    with (
        LabelWriter(args.out, made) as out,
        behind(out.put) as put,
    ):
        found = ahead(items, read, args.threads)
        for item, given in track(found, "segmentation", len(items)):
            allowed = label_ids(np.array(item.classes, int)) if among_labels else None
            with finite_scores(item.image, args.model), watch():
                labels = segment(net, given, config, allowed)
            put(item.image_id, labels)


def load_own(path: Path) -> Model:
    """Return the trained segmenter in a file that the user names."""
    return load_model(path, "segmenter", "name the model.pt of a segmenter")


def make_segmenter(model: Model, source: Path) -> Segmenter:
    """Return the trained segmenter that was read from the file `source`."""
    meta = model.meta
    labels = len(meta["classes"]) + 1
    found = library(meta["segmenter"])
    if advice := not_installed(meta["segmenter"]):
        raise UserError(f"{source}: {advice}")
    with checkpoint_errors(source):
        encoder = None if found and found.own_backbone else make_backbone(model)
        net = segmenters.build(meta["segmenter"], encoder, labels, **meta["options"])
    load_state(net, model.state, str(source))
    return net


def logits(net: Segmenter, given: Scaled, infer: SegmenterInfer) -> Tensor:
    """Compute the mean logits over the views of an image.

    Args:
        net: the network, in evaluation mode on the device of inference.
        given: the image, scaled as `infer` says.
        infer: mirroring and arithmetic.

    Returns:
        (L, H, W) float32 on the device, background first.

    Raises:
        NotFiniteError: they are not finite.
    """
    where = _device(net)
    with arithmetic(where, infer.precision):
        total = sum_views(
            views(given.copies, where), net, given.size, infer.flip, net.align_corners
        )
    return finite(total, "logits") / (len(given.copies) * (1 + infer.flip))


def segment(
    net: Segmenter,
    given: Scaled,
    infer: SegmenterInfer,
    allowed: np.ndarray | None = None,
    show: Observer | None = None,
) -> np.ndarray:
    """Return the (H, W) uint8 label map of an image, after the CRF if any.

    Args:
        net: the network, as in `logits`.
        given: the image, scaled as `infer` says.
        infer: how.
        allowed: (K,) uint8, the only labels that a pixel may have; None = all.
        show: is shown the probabilities of these labels.

    Raises:
        NotFiniteError: the logits, or the posteriors of the CRF, are not finite.
    """
    mean = logits(net, given, infer)
    if allowed is not None:
        mean = mean[torch.from_numpy(allowed.astype(np.int64)).to(mean.device)]
    if show or infer.crf.iterations:
        probabilities = mean.softmax(0).cpu().numpy()
    if show:
        show(probabilities)
    if infer.crf.iterations:
        found = _refined(net, given.image, probabilities, infer)
    else:
        found = winners(mean)
    return found if allowed is None else allowed[found]


def segment_tiles(
    net: Segmenter,
    image: np.ndarray,
    infer: SegmenterInfer,
    windows: Sequence[Window],
    threads: int = 0,
    show: Observer | None = None,
) -> np.ndarray:
    """Return the (H, W) uint8 label map of an image that is cut into tiles.

    Args:
        net: the network, in evaluation mode on the device of inference.
        image: (H, W, 3) uint8 RGB.
        infer: how.
        windows: tiles that cover the image, which the network looks at one by one; less than two
            = the whole image at once. Their probabilities are blended before anything is decided;
            without a CRF no more of them is kept than a row of tiles.
        threads: number of tiles that are scaled while the network computes.
        show: is shown the probabilities.

    Raises:
        NotFiniteError: the logits, or the posteriors of the CRF, are not finite.
    """

    def cut(window: Window) -> Scaled:
        return scaled_copies(image[window.slices], infer.scales, infer.resampling)

    if len(windows) < 2:
        whole = scaled_copies(image, infer.scales, infer.resampling)
        return segment(net, whole, infer, show=show)
    tiles = ahead(windows, cut, threads)
    parts = (logits(net, tile, infer).softmax(0).cpu().numpy() for _, tile in tiles)
    bands = blend_rows(parts, windows, image.shape[:2])
    if show:
        bands = _shown(bands, show)
    if not infer.crf.iterations:
        return np.concatenate([band.argmax(0).astype(np.uint8) for band in bands])
    return _refined(net, image, np.concatenate(list(bands), axis=1), infer)


def _shown(bands: Iterable[np.ndarray], show: Observer) -> Iterator[np.ndarray]:
    for band in bands:
        show(band)
        yield band


def _refined(
    net: Segmenter, image: np.ndarray, probabilities: np.ndarray, infer: SegmenterInfer
) -> np.ndarray:
    """Return the label map (H, W) uint8 of probabilities (L, H, W) after the CRF."""
    colours = wrapped(image) if infer.crf_image == "wrapped" else image
    return decide_prediction(probabilities, colours, infer.crf, _device(net)).astype(np.uint8)


def _device(net: Segmenter) -> torch.device:
    return next(net.parameters()).device
