"""Boundary maps for the methods that learn from them: outlines of refined maps, or own ones."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from wsss.errors import UserError
from wsss.io.arrays import maps_problem, read_floats
from wsss.io.images import image_size
from wsss.io.index import Index, Item
from wsss.io.maps import MapsReader, MapsWriter
from wsss.io.progress import log, track
from wsss.io.validated_maps import read_refined
from wsss.ops.outlines import class_boundaries
from wsss.stages.parts import add_part_arguments, part_items, provenance

_SHOWN = 3
_ORDER = "background first"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--refined", type=Path, help="record of the refined maps of another run")
    source.add_argument("--folder", type=Path, help="your own maps, <image id>.npy")


def run(args: argparse.Namespace) -> None:
    """Write the boundary maps of a part of the images.

    Raises:
        UserError: images have no map of their own, or one that cannot be used; lists the first.
    """
    items = part_items(args.index, args.split, args.part)
    log.info("make_boundaries: %d images of %s, part %s", len(items), args.split, args.part)
    labels = Index.read(args.index).num_classes + 1
    boundary_of = _outlines(args.refined) if args.refined else _own(items, args.folder, labels)
    with MapsWriter(args.out, provenance(args.config)) as out:
        for item in track(items, "boundaries"):
            classes = np.array(item.classes, np.int64)
            out.put(item.image_id, classes=classes, boundary=boundary_of(item))


def _outlines(refined: Path) -> Callable[[Item], np.ndarray]:
    """Return a reader of the outlines (K + 1, H, W) uint8 of an image's refined maps."""
    maps = MapsReader([refined])

    def read(item: Item) -> np.ndarray:
        return outlines(list(read_refined(maps, item, image_size(item.image)).values()))

    return read


def outlines(posteriors: Sequence[np.ndarray]) -> np.ndarray:
    """Compute the outlines of the labels that win on average over all background exponents.

    Args:
        posteriors: of every alpha, (K + 1, H, W) uint8, background first.

    Returns:
        (K + 1, H, W) uint8 of 0 and 255.
    """
    labels = np.mean(posteriors, axis=0, dtype=np.float32).argmax(0)
    return class_boundaries(labels, len(posteriors[0])).astype(np.uint8) * 255


def _own(items: tuple[Item, ...], folder: Path, labels: int) -> Callable[[Item], np.ndarray]:
    """Return a reader of the user's maps, after a check of all of them.

    Raises:
        UserError: some are missing or cannot be used.
    """
    problems = [
        text
        for item in items
        if (text := maps_problem(_path(folder, item), labels, _ORDER, image_size(item.image)))
    ]
    if problems:
        more = f"; {len(problems)} of {len(items)} in all" if len(problems) > _SHOWN else ""
        raise UserError("; ".join(problems[:_SHOWN]) + more)

    def read(item: Item) -> np.ndarray:
        channels = [0, *(c + 1 for c in item.classes)]
        return np.rint(read_floats(_path(folder, item), channels) * 255).astype(np.uint8)

    return read


def _path(folder: Path, item: Item) -> Path:
    return folder / f"{item.image_id}.npy"
