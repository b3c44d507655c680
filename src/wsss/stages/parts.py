"""Arguments of the stages that work image by image, and their part of the images."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from wsss import __version__
from wsss.config.slices import canonical
from wsss.errors import UserError
from wsss.io.images import read_item
from wsss.io.index import Index, Item
from wsss.io.maps import MapsReader
from wsss.io.parts import WHOLE, part_of
from wsss.io.records import read_provenance
from wsss.io.validated_maps import read_cam, read_refined
from wsss.ops.seeds import upsample_cam
from wsss.stages.options import add_config_argument


def add_part_arguments(
    parser: argparse.ArgumentParser,
    table: str = "--index",
    meaning: str = "table of images and labels",
) -> None:
    """Add the options of every per-image stage; `table` is the option of the list of images."""
    parser.add_argument(table, type=Path, required=True, help=meaning)
    parser.add_argument("--split", required=True, help="train or val")
    parser.add_argument("--part", default=WHOLE, help="part of the split, such as 3-of-8, or all")
    parser.add_argument("--out", type=Path, required=True, help="commit record to write")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    add_config_argument(parser)


def part_items(index: Path, split: str, part: str) -> tuple[Item, ...]:
    """Return the images of a part of a split."""
    return tuple(part_of(Index.read(index).split(split), part))


def read_with_cam(cams: MapsReader, item: Item) -> tuple[np.ndarray, np.ndarray]:
    """Read an image (H, W, 3) uint8 and its class activation maps (K, H, W) float32.

    Raises:
        UserError: as in `read_with_coarse_cam`.
    """
    image, cam = read_with_coarse_cam(cams, item)
    return image, upsample_cam(cam, image.shape[:2])


def read_with_coarse_cam(cams: MapsReader, item: Item) -> tuple[np.ndarray, np.ndarray]:
    """Read an image (H, W, 3) uint8 and its maps (K, ceil(H / 4), ceil(W / 4)) float32 as stored.

    Raises:
        UserError: the maps are missing or invalid, the image has another size than they were
            computed from, cannot be read, or is not that of the index.
    """
    cam, size = read_cam(cams, item)
    image = read_item(item)
    if image.shape[:2] != size:
        raise UserError(f"{item.image}: the image changed since its maps were computed; run again")
    return image, cam.astype(np.float32)


def read_with_refined(refined: MapsReader, item: Item) -> tuple[np.ndarray, np.ndarray]:
    """Read an image (H, W, 3) uint8 and its refined scores (K + 1, H, W) of the lowest exponent.

    Raises:
        UserError: the scores are missing or invalid, or the image cannot be read or is not that of
            the index.
    """
    image = read_item(item)
    scores = next(iter(read_refined(refined, item, image.shape[:2]).values()))
    return image, scores.astype(np.float32) / 255


def provenance(
    config: str, model: Path | str | None = None, weights: Sequence[Mapping[str, str]] = ()
) -> str:
    """Return the origin of maps: version of the package, keys of the stage, path of the model.

    Published weights that it reads itself add their sources and licences.
    """
    known = {"version": __version__, "config": json.loads(config), "model": model and str(model)}
    return canonical(known | ({"weights": [*weights]} if weights else {}))


def weights_of(records: Sequence[Path]) -> list[Mapping[str, str]]:
    """Return sources and licences of the published weights that files were made with.

    Args:
        records: their commit records, with the provenance of `provenance`.
    """
    made = (json.loads(read_provenance(record) or "{}") for record in records)
    return [entry for one in made for entry in one.get("weights", [])]
