"""Predict masks with the segmenter, over scales and mirrored views, without any label."""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from wsss.config.model import SegmenterInfer
from wsss.config.slices import read_slice
from wsss.data.transforms import views
from wsss.engine.checkpoint import load_model
from wsss.engine.tta import sum_views
from wsss.io.images import read_image
from wsss.io.labels import LabelWriter
from wsss.io.progress import log, track
from wsss.nn import segmenters
from wsss.nn.weights import load_state
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


def load_segmenter(path: Path) -> nn.Module:
    """Return the trained segmenter in `path`."""
    meta = (model := load_model(path, "segmenter")).meta
    labels = len(meta["classes"]) + 1
    net = segmenters.build(meta["segmenter"], make_backbone(model), labels, **meta["options"])
    load_state(net, model.state, str(path))
    return net


def predict(net: nn.Module, image: np.ndarray, config: SegmenterInfer) -> np.ndarray:
    """Return the (H, W) uint8 label map of `image` (H, W, 3): argmax of the mean over views."""
    batches = [torch.from_numpy(view) for view in views(image, config.scales, config.flip)]
    total = sum_views((b.to(device()) for b in batches), net, image.shape[:2])
    mean = total / sum(len(batch) for batch in batches)
    scores = mean.softmax(0).cpu().numpy()
    return decide(scores, image, CRFParams(**config.crf.model_dump())).astype(np.uint8)
