"""Stitch the label maps of tiles to label maps of the whole images."""

import argparse
from pathlib import Path

import numpy as np

from wsss import __version__
from wsss.config.slices import canonical
from wsss.errors import UserError
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.progress import log, track
from wsss.tiles.layout import stitch
from wsss.tiles.table import Tile, TileTable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--tiles", type=Path, required=True, help="tiles.tsv of the tiles")
    parser.add_argument("--split", required=True, help="train or val")
    parser.add_argument(
        "--labels", type=Path, nargs="+", required=True, help="records of label maps of the tiles"
    )
    parser.add_argument("--out", type=Path, required=True, help="record to write, beside the PNGs")


def run(args: argparse.Namespace) -> None:
    """Stitch the label maps of a split; every pixel is taken from its most central tile.

    Raises:
        UserError: the table of tiles is missing, or the label maps are not those of its tiles.
    """
    table = TileTable.read(args.tiles)
    images = table.images(args.split)
    wanted = {tile.tile_id for image in images for tile in image}
    maps = LabelReader(args.labels)
    if set(maps.ids) != wanted:
        raise UserError(
            f"{args.labels[0]}: not the label maps of the {len(wanted)} tiles of split "
            f"{args.split} in {args.tiles}; give the label maps of exactly this split"
        )
    log.info("stitch_masks: %d tiles of %d images of %s", len(wanted), len(images), args.split)
    made = canonical({"version": __version__, "tiles": str(args.tiles)})
    with LabelWriter(args.out, made) as out:
        for image in track(images, "stitch masks"):
            out.put(image[0].parent, _stitched(image, maps))


def _stitched(image: list[Tile], maps: LabelReader) -> np.ndarray:
    """Return the label map (H, W) uint8 of one image from those of its tiles."""
    parts = (maps.read(tile.tile_id) for tile in image)
    return stitch(parts, [tile.window for tile in image], image[0].size)
