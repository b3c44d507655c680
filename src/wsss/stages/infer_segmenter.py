"""Predict masks with the segmenter, over scales and mirrored views, without any label."""

import argparse
from pathlib import Path

import numpy as np
import torch

from wsss.config.segmenter import SegmenterInfer
from wsss.config.slices import read_slice
from wsss.data.transforms import views
from wsss.engine.checkpoint import load_model
from wsss.engine.tta import sum_views
from wsss.io.images import read_image
from wsss.io.labels import LabelWriter
from wsss.io.progress import log, track
from wsss.nn import segmenters
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.weights import load_state
from wsss.ops.colour import wrapped
from wsss.ops.crf import CRFParams, decide
from wsss.stages.inference import device, make_backbone, ready
from wsss.stages.sharding import add_shard_arguments, provenance, shard_items


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_shard_arguments(parser)
    parser.add_argument("--model", type=Path, required=True, help="model.pt of the segmenter")


def run(args: argparse.Namespace) -> None:
    """Predict the masks of one shard."""
    config = read_slice(args.config).segment.infer
    items = shard_items(args)
    log.info("infer_segmenter: %d images of %s, shard %s", len(items), args.split, args.shard)
    net = ready(load_segmenter(args.model), args.threads)
    with LabelWriter(args.out, provenance(args)) as out:
        for item in track(items, "segmentation"):
            out.put(item.image_id, predict(net, read_image(item.image), config))


def load_segmenter(path: Path) -> Segmenter:
    """Return the trained segmenter in `path`."""
    meta = (model := load_model(path, "segmenter")).meta
    labels = len(meta["classes"]) + 1
    net = segmenters.build(meta["segmenter"], make_backbone(model), labels, **meta["options"])
    load_state(net, model.state, str(path))
    return net


def probabilities(net: Segmenter, image: np.ndarray, infer: SegmenterInfer) -> np.ndarray:
    """Return the class probabilities of an image: softmax of the mean logits over its views.

    Args:
        net: the network, in evaluation mode on the device of inference.
        image: (H, W, 3) uint8 RGB.
        infer: scales, mirroring and how the image is scaled.

    Returns:
        (L, H, W) float32, background first.
    """
    pixels = views(image, infer.scales, infer.flip, infer.resampling)
    batches = (torch.from_numpy(view).to(device()) for view in pixels)
    total = sum_views(batches, net, image.shape[:2], net.align_corners)
    count = len(infer.scales) * (1 + infer.flip)
    return (total / count).softmax(0).cpu().numpy()


def predict(net: Segmenter, image: np.ndarray, infer: SegmenterInfer) -> np.ndarray:
    """Return the (H, W) uint8 label map of an image (H, W, 3) uint8, after the CRF if any."""
    colours = wrapped(image) if infer.crf_image == "wrapped" else image
    params = CRFParams(**infer.crf.model_dump())
    return decide(probabilities(net, image, infer), colours, params).astype(np.uint8)
