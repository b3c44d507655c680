"""What the per-image stages share: their arguments and their part of the images."""

import argparse
import json
from pathlib import Path

import numpy as np

from wsss import __version__
from wsss.config.slices import canonical
from wsss.errors import UserError
from wsss.io.images import read_item
from wsss.io.index import Index, Item
from wsss.io.shards import shard


def add_shard_arguments(
    parser: argparse.ArgumentParser,
    table: str = "--index",
    meaning: str = "table of images and labels",
) -> None:
    """Add the options that every per-image stage has; `table` is that which lists the images."""
    parser.add_argument(table, type=Path, required=True, help=meaning)
    parser.add_argument("--split", required=True, help="train or val")
    parser.add_argument("--shard", required=True, help="part of the split, such as 3-of-8")
    parser.add_argument("--out", type=Path, required=True, help="shard to write")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--config", required=True, help="the stage's keys as JSON")


def image_of(item: Item, size: tuple[int, int]) -> np.ndarray:
    """Return the image (H, W, 3) uint8 that maps of the given size (H, W) were drawn for.

    Raises:
        UserError: the image has another size now, or cannot be read, or is not that of the index.
    """
    image = read_item(item)
    if image.shape[:2] != size:
        raise UserError(
            f"{item.image}: the image changed since its maps were drawn; run snakemake again"
        )
    return image


def provenance(args: argparse.Namespace) -> str:
    """Return what made a shard: the package's version, the stage's keys and the model's path."""
    model = getattr(args, "model", None)
    return canonical(
        {"version": __version__, "config": json.loads(args.config), "model": model and str(model)}
    )


def shard_items(args: argparse.Namespace) -> tuple[Item, ...]:
    """Return the images of the shard that `args` names."""
    return tuple(shard(Index.read(args.index).split(args.split), args.shard))
