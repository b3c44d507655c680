"""Where images and labels come from: one module per source, its file layout in the docstring."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from os.path import isdir
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from wsss.config.dataset import Dataset, fetched_augment
from wsss.data.sources import coco, csv, demo, folders, tiles, voc
from wsss.data.sources.listing import Listing, Record
from wsss.errors import UserError
from wsss.io.names import is_file
from wsss.io.provenance import text_digest

__all__ = [
    "Inputs",
    "Listing",
    "Record",
    "drawn_inputs",
    "drawn_masks",
    "inputs",
    "read",
    "read_raw",
    "with_augment",
]

_READERS = {"csv": csv.read, "folders": folders.read, "voc": voc.read, "coco": coco.read}
_OUTLINES = {**_READERS, "voc": voc.outline, "coco": coco.outline}
_DRAWN = {"voc": voc.masks, "coco": coco.masks}


@dataclass(frozen=True)
class Inputs:
    """What a table of one split depends on.

    Attributes:
        facts: digest of what the tables of the user say about the split.
        files: existing files that are read besides.
    """

    facts: str = ""
    files: tuple[Path, ...] = ()


def read(dataset: Dataset, root: Path | None = None) -> Listing:
    """List the images of a data set, or their tiles if `dataset.tiles` is set.

    Args:
        dataset: its configuration.
        root: folder of the data or of the tiles; None = `dataset.root`.

    Returns:
        The listing, with every mistake that reading showed in `problems`.

    Raises:
        UserError: as in `read_raw`, or if the tiles are not cut yet.
    """
    if dataset.tiles is None:
        return read_raw(dataset, root)
    return tiles.read(_folder(dataset, root))


def read_raw(dataset: Dataset, root: Path | None = None) -> Listing:
    """List the images of a data set as they are.

    Args:
        dataset: its configuration.
        root: folder of the data; None = `dataset.root`. Data that the workflow makes or fetches
            have no folder of their own and are given the one they are in.

    Returns:
        The listing, with every mistake that reading showed in `problems`.

    Raises:
        UserError: if there is no folder, two splits are the same, or the table of labels cannot
            be understood at all.
    """
    folder = _folder(dataset, root)
    names = list(dataset.splits.values())
    if "train" not in dataset.splits or len(set(names)) < len(names):
        raise UserError(f"dataset.splits: name train and different splits, not {dataset.splits}")
    return (
        demo.read(folder) if dataset.source == "demo" else _READERS[dataset.source](dataset, folder)
    )


def with_augment(
    dataset: Dataset | SimpleNamespace, folder: Path | None
) -> Dataset | SimpleNamespace:
    """Return the configuration, or a stage's part of it, with `augment` where it was unpacked.

    None changes nothing.
    """
    return SimpleNamespace(**vars(dataset) | {"augment": str(folder)}) if folder else dataset


def drawn_masks(
    dataset: Dataset, root: Path | None, split: str
) -> dict[str, Callable[[], np.ndarray]]:
    """Return what draws the masks of a split that are no PNGs of the data set's own.

    Args:
        dataset: its configuration.
        root: folder of the data; None = `dataset.root`.
        split: train or val.

    Returns:
        Image id -> function that returns the label map (H, W) uint8. Empty for sources whose
        masks are PNGs.

    Raises:
        UserError: the source cannot be read, or masks that it names are missing.
    """
    draw = _DRAWN.get(dataset.source)
    return draw(dataset, _folder(dataset, root), split) if draw else {}


def inputs(dataset: Dataset) -> dict[str, tuple[Inputs, Inputs]]:
    """Say what the tables of each split depend on, for the workflow to compare.

    Cheap, and never an error: what is missing or broken is left out here and reported by the
    check. The demo and downloaded data depend on no file of the user. If the tables cannot be
    understood, their bytes stand for what they say. Mistakes that belong to no image count for
    the last split, so that correcting one does not train anything again. Masks count for the
    index if the labels are read off them.

    Returns:
        Split -> inputs of the index, and of the table of masks.
    """
    if dataset.source == "demo" or dataset.download:
        return dict.fromkeys(dataset.splits, (Inputs(), Inputs()))
    root = Path(dataset.root or "")
    try:
        listing = _OUTLINES[dataset.source](dataset, root)
    except (UserError, OSError):
        raw = Inputs("unreadable", _existing([root / dataset.labels, *voc.lists(dataset, root)]))
        return dict.fromkeys(dataset.splits, (raw, raw))
    *_, last = dataset.splits
    return {
        split: _of_split(dataset, listing, split, listing.problems if split == last else [])
        for split in dataset.splits
    }


def drawn_inputs(dataset: Dataset, split: str) -> tuple[Path, ...]:
    """Name the existing files of the user that `drawn_masks` reads.

    Of an archive it is the archive itself. Never an error, as `inputs`.
    """
    try:
        return _existing(_drawn_from(dataset, Path(dataset.root or ""), split))
    except (UserError, OSError):
        return ()


def _drawn_from(dataset: Dataset, root: Path, split: str) -> list[Path]:
    if fetched_augment(dataset) or dataset.download:
        return [Path(dataset.augment)] if dataset.augment else []
    if dataset.source == "voc":
        return list(voc.mask_files(dataset, root, split).values())
    return [root / table for table in _tables(dataset, split)]


def _tables(dataset: Dataset, split: str) -> list[Path]:
    """Name the tables that hold the labels of a split; the training split has the classes."""
    named = dataset.coco.annotations if dataset.source == "coco" else {}
    return [Path(named[key]) for key in dict.fromkeys(("train", split)) if key in named]


def _folder(dataset: Dataset, root: Path | None) -> Path:
    folder = root or Path(dataset.root or "")
    if not (root or dataset.root):
        raise UserError("dataset.root is not set: name the folder of the data")
    if not isdir(folder):  # noqa: PTH112 it fails on some names
        raise UserError(f"dataset.root: {folder} is not a folder")
    return folder


def _of_split(
    dataset: Dataset, listing: Listing, split: str, problems: list[str]
) -> tuple[Inputs, Inputs]:
    chosen = [
        (image_id, record)
        for image_id, record in zip(listing.ids, listing.records, strict=True)
        if record.split == split
    ]
    rows = [[image_id, str(record.image), record.labels] for image_id, record in chosen]
    masks = [[str(record.image), str(record.mask)] for _, record in chosen if record.mask]
    shown = [record.mask for _, record in chosen if record.mask]
    told = [record.annotation for _, record in chosen if record.annotation]
    facts, labels = [listing.names, rows, problems], told
    if dataset.labels_from == "masks":
        facts, labels = [*facts, masks], shown
    read = [*_tables(dataset, split), *(record.image for _, record in chosen), *labels]
    return (
        _inputs(listing.root, facts, read),
        _inputs(listing.root, masks, shown),
    )


def _inputs(root: Path, facts: list, paths: list[Path]) -> Inputs:
    return Inputs(text_digest(json.dumps(facts)), _existing([root / path for path in paths]))


def _existing(paths: list[Path]) -> tuple[Path, ...]:
    return tuple(filter(is_file, paths))
