"""Predict masks of the images that tiles were cut from; the scores of the tiles are blended."""

import argparse
from pathlib import Path

from wsss.config.slices import read_slice
from wsss.engine.checkpoint import load_model
from wsss.io.background import behind
from wsss.io.images import LARGEST, read_item
from wsss.io.labels import LabelWriter
from wsss.io.parts import part_of
from wsss.io.progress import log, track
from wsss.stages.finite import finite_scores
from wsss.stages.infer_segmenter import make_segmenter, segment_tiles
from wsss.stages.inference import Watch, for_inference
from wsss.stages.parts import add_part_arguments, provenance
from wsss.tiles.table import TileTable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser, "--tiles", "tiles.tsv of the tiles")
    parser.add_argument("--model", type=Path, required=True, help="model.pt of the segmenter")


def run(args: argparse.Namespace) -> None:
    """Predict the masks of a part of the images.

    Raises:
        UserError: there is no table of tiles, or an image changed since it was cut.
    """
    infer = read_slice(args.config).segment.infer
    images = part_of(TileTable.read(args.tiles).images(args.split), args.part)
    log.info("segment_whole: %d images of %s, part %s", len(images), args.split, args.part)
    model = load_model(args.model, "segmenter")
    net = make_segmenter(model, args.model)
    watch = Watch(for_inference(net, args.threads, infer.precision))
    made = provenance(args.config, args.model, model.meta.get("weights", []))
    with LabelWriter(args.out, made) as out, behind(out.put) as put:
        # not the next image, which may be as large, but the next tiles are prepared ahead
        for tiles in track(images, "segmentation"):
            image, windows = tiles[0].image, [tile.window for tile in tiles]
            pixels = read_item(image, LARGEST)
            with finite_scores(image.image, args.model), watch():
                labels = segment_tiles(net, pixels, infer, windows, args.threads)
            put(image.image_id, labels)
