"""Predict masks with the segmenter, over scales and mirrored views, without any label."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from wsss.config.segmenter import SegmenterInfer
from wsss.config.slices import read_slice
from wsss.data.views import views
from wsss.engine.checkpoint import Model, load_model
from wsss.engine.tta import sum_views
from wsss.io.images import read_item
from wsss.io.labels import LabelWriter
from wsss.io.progress import log, track
from wsss.nn import segmenters
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.weights import load_state
from wsss.ops.colour import wrapped
from wsss.ops.crf import decide_prediction
from wsss.ops.finite import finite
from wsss.stages.finite import finite_scores
from wsss.stages.inference import Watch, checkpoint_errors, for_inference, make_backbone
from wsss.stages.parts import add_part_arguments, part_items, provenance
from wsss.tiles.layout import Window, blend_rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    parser.add_argument("--model", type=Path, required=True, help="model.pt of the segmenter")


def run(args: argparse.Namespace) -> None:
    """Predict the masks of a part of the images."""
    config = read_slice(args.config).segment.infer
    items = part_items(args.index, args.split, args.part)
    log.info("infer_segmenter: %d images of %s, part %s", len(items), args.split, args.part)
    net = for_inference(
        make_segmenter(load_model(args.model, "segmenter"), args.model), args.threads
    )
    watch = Watch(net)
    with LabelWriter(args.out, provenance(args.config, args.model)) as out:
        for item in track(items, "segmentation"):
            image = read_item(item)
            with finite_scores(item.image, args.model), watch():
                labels = predict(net, image, config)
            out.put(item.image_id, labels)


def load_own(path: Path) -> Model:
    """Return the trained segmenter in a file that the user names."""
    return load_model(path, "segmenter", "name the model.pt of a segmenter")


def make_segmenter(model: Model, source: Path) -> Segmenter:
    """Return the trained segmenter that was read from the file `source`."""
    meta = model.meta
    labels = len(meta["classes"]) + 1
    with checkpoint_errors(source):
        net = segmenters.build(meta["segmenter"], make_backbone(model), labels, **meta["options"])
    load_state(net, model.state, str(source))
    return net


def probabilities(net: Segmenter, image: np.ndarray, infer: SegmenterInfer) -> np.ndarray:
    """Return the class probabilities of an image: softmax of the mean logits over its views.

    Args:
        net: the network, in evaluation mode on the device of inference.
        image: (H, W, 3) uint8 RGB.
        infer: scales, mirroring and how the image is scaled.

    Returns:
        (L, H, W) float32, background first.

    Raises:
        NotFiniteError: the logits are not finite.
    """
    pixels = views(image, infer.scales, infer.flip, infer.resampling)
    where = next(net.parameters()).device
    batches = (torch.from_numpy(view).to(where) for view in pixels)
    total = sum_views(batches, net, image.shape[:2], net.align_corners)
    count = len(infer.scales) * (1 + infer.flip)
    finite(total.cpu().numpy(), "logits")
    return (total / count).softmax(0).cpu().numpy()


def predict(
    net: Segmenter, image: np.ndarray, infer: SegmenterInfer, windows: Sequence[Window] = ()
) -> np.ndarray:
    """Return the (H, W) uint8 label map of an image, after the CRF if any.

    Args:
        net: the network, in evaluation mode on the device of inference.
        image: (H, W, 3) uint8 RGB.
        infer: how.
        windows: tiles that cover the image, which the network looks at one by one; less than two
            = the whole image at once. Their probabilities are blended before anything is decided;
            without a CRF no more of them is kept than a row of tiles.

    Raises:
        NotFiniteError: the logits, or the posteriors of the CRF, are not finite.
    """
    bands = _bands(net, image, infer, windows)
    if not infer.crf.iterations:
        return np.concatenate([band.argmax(0).astype(np.uint8) for band in bands])
    colours = wrapped(image) if infer.crf_image == "wrapped" else image
    where = next(net.parameters()).device
    probabilities = np.concatenate(list(bands), axis=1)
    return decide_prediction(probabilities, colours, infer.crf, where).astype(np.uint8)


def _bands(
    net: Segmenter, image: np.ndarray, infer: SegmenterInfer, windows: Sequence[Window]
) -> Iterator[np.ndarray]:
    """Yield the probabilities (L, rows, W) of an image from its top to its bottom."""
    if len(windows) < 2:
        yield probabilities(net, image, infer)
        return
    parts = (probabilities(net, image[window.slices], infer) for window in windows)
    yield from blend_rows(parts, windows, image.shape[:2])
