"""Put the label maps of tiles together to label maps of the images they were cut from."""

import argparse
from pathlib import Path

from wsss import __version__
from wsss.config.slices import canonical
from wsss.data.sources.tiles import Tile, TileTable
from wsss.errors import UserError
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.progress import log, track
from wsss.tiles.layout import stitch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--tiles", type=Path, required=True, help="tiles.tsv of the tiles")
    parser.add_argument("--split", required=True, help="train or val")
    parser.add_argument(
        "--labels", type=Path, nargs="+", required=True, help="records of label maps of the tiles"
    )
    parser.add_argument("--out", type=Path, required=True, help="record to write, beside the PNGs")


def run(args: argparse.Namespace) -> None:
    """Stitch the label maps of a split; each pixel is decided by its most central tile.

    Raises:
        UserError: there is no table of tiles, or the label maps are not those of its tiles.
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
            out.put(image[0].parent, stitch(*_parts(image, maps)))


def _parts(image: list[Tile], maps: LabelReader) -> tuple:
    """Return the arguments of `stitch` for the tiles of one image."""
    windows = [tile.window for tile in image]
    return (maps.read(tile.tile_id) for tile in image), windows, image[0].size
