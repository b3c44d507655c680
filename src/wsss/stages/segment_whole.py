"""Predict masks of the images that tiles were cut from; the scores of the tiles are blended."""

import argparse
from pathlib import Path

import numpy as np

from wsss.config.slices import read_slice
from wsss.data.sources.tiles import TABLE, Tile, TileTable
from wsss.engine.checkpoint import load_model
from wsss.errors import UserError
from wsss.io.images import LARGEST, read_image
from wsss.io.labels import LabelWriter
from wsss.io.progress import log, track
from wsss.io.shards import shard
from wsss.stages.infer_segmenter import make_segmenter, predict
from wsss.stages.inference import ready
from wsss.stages.sharding import add_shard_arguments, provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_shard_arguments(parser, "--tiles", "labels.csv of the tiles")
    parser.add_argument("--model", type=Path, required=True, help="model.pt of the segmenter")


def run(args: argparse.Namespace) -> None:
    """Predict the masks of one shard of the images.

    Raises:
        UserError: there is no table of tiles, or an image changed since it was cut.
    """
    infer = read_slice(args.config).segment.infer
    images = shard(TileTable.read(args.tiles.with_name(TABLE)).images(args.split), args.shard)
    log.info("segment_whole: %d images of %s, shard %s", len(images), args.split, args.shard)
    net = ready(make_segmenter(load_model(args.model, "segmenter"), args.model), args.threads)
    with LabelWriter(args.out, provenance(args)) as out:
        for tiles in track(images, "segmentation"):
            windows = [tile.window for tile in tiles]
            out.put(tiles[0].parent, predict(net, _image(tiles[0]), infer, windows))


def _image(tile: Tile) -> np.ndarray:
    """Return the image (H, W, 3) uint8 that a tile was cut from."""
    image = read_image(tile.file, LARGEST)
    if image.shape[:2] != tile.size:
        raise UserError(f"{tile.file}: the image changed since it was cut; run snakemake again")
    return image
