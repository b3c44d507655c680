"""Data sources: one module per source, with the file layout in its docstring.

A further source is a module with a `SOURCE`, an entry in `SOURCES` here, and its name and
capabilities in `wsss.config.dataset`.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os.path import isdir
from pathlib import Path

from wsss.config.dataset import Dataset, fetched_augment
from wsss.data.sources import annotated, coco, csv, demo, folders, voc
from wsss.data.sources.base import DrawMask, Source
from wsss.data.sources.listing import Listing, Record
from wsss.errors import UserError
from wsss.io.names import is_file
from wsss.io.progress import log
from wsss.io.provenance import text_digest
from wsss.names import folded

__all__ = [
    "SOURCES",
    "Inputs",
    "Listing",
    "Record",
    "data_folder",
    "drawn_inputs",
    "drawn_masks",
    "inputs",
    "read",
    "split_sizes",
    "with_augment",
]

SOURCES: dict[str, Source] = {
    "demo": demo.SOURCE,
    "csv": csv.SOURCE,
    "folders": folders.SOURCE,
    "voc": voc.SOURCE,
    "coco": coco.SOURCE,
}


@dataclass(frozen=True)
class Inputs:
    """Everything of the user that a table of one split depends on.

    Attributes:
        facts: digest of the user's tables as far as they concern the split.
        files: paths of existing files that are read besides.
        images: number of images of the split, of a table of masks that of their masks; None =
            unknown.
    """

    facts: str = ""
    files: tuple[str, ...] = ()
    images: int | None = None


def read(dataset: Dataset, root: Path | None = None) -> Listing:
    """List the images of a data set; not their tiles, see `wsss.tiles.table.read_listing`.

    Args:
        dataset: its configuration.
        root: folder of the data; None = `dataset.root`. Needed for data that the workflow makes
            or downloads.

    Returns:
        The listing, with every mistake that reading showed in `problems`.

    Raises:
        UserError: there is no folder, two splits are the same, or the table of labels cannot be
            understood at all.
    """
    folder = data_folder(dataset, root)
    names = list(map(folded, dataset.splits.values()))
    if "train" not in dataset.splits or len(set(names)) < len(names):
        raise UserError(f"dataset.splits: name train and different splits, not {dataset.splits}")
    dataset = annotated.with_classes(dataset, folder)
    return annotated.without_masks(SOURCES[dataset.source].read(dataset, folder), dataset)


def data_folder(dataset: Dataset, root: Path | None) -> Path:
    """Return `root`, else `dataset.root`.

    Raises:
        UserError: neither is given, or it is no folder.
    """
    folder = root or Path(dataset.root or "")
    if not (root or dataset.root):
        raise UserError("dataset.root is not set: name the folder of the data")
    if not isdir(folder):  # noqa: PTH112 it fails on some names
        place = "" if folder.is_absolute() else f"; it is relative to {Path.cwd()}"
        raise UserError(f"dataset.root: {folder} is not a folder{place}")
    return folder


def with_augment(dataset: Dataset, folder: Path | None) -> Dataset:
    """Copy the configuration with `augment` set to its unpacked folder; None changes nothing."""
    return dataset.model_copy(update={"augment": str(folder)}) if folder else dataset


def drawn_masks(dataset: Dataset, root: Path | None, split: str) -> Mapping[str, DrawMask]:
    """Return functions that draw the masks of a split that are not PNGs of the data set's own.

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
    folder = data_folder(dataset, root)
    source, dataset = SOURCES[dataset.source], annotated.with_classes(dataset, folder)
    if dataset.mask_file(folder):
        return annotated.masks(dataset, source.list_cheaply(dataset, folder), split)
    return source.masks(dataset, folder, split)


def inputs(dataset: Dataset) -> dict[str, tuple[Inputs, Inputs]]:
    """Collect everything that the tables of each split depend on, for the workflow to compare.

    Cheap, and never an error: what is missing or broken is left out here and reported by the
    check. The demo and downloaded data depend on no file of the user. Tables that cannot be
    understood count with their bytes. Mistakes that belong to no image count for the last split,
    so that correcting one does not train anything again. Masks count for the index if the labels
    are read off them.

    Returns:
        Split -> inputs of the index, and of the table of masks.
    """
    if dataset.capabilities.generated or dataset.download:
        return dict.fromkeys(dataset.splits, (Inputs(), Inputs()))
    source, root = SOURCES[dataset.source], Path(dataset.root or "")
    try:
        dataset = annotated.with_classes(dataset, root)
        listing = annotated.without_masks(source.list_cheaply(dataset, root), dataset)
    except (UserError, OSError):
        raw = Inputs("unreadable", _existing(source.parsed_tables(dataset, root)))
        return dict.fromkeys(dataset.splits, (raw, raw))
    for line in listing.warnings:
        log.warning(line)
    *_, last = dataset.splits
    return {
        split: _of_split(dataset, listing, split, listing.problems if split == last else [])
        for split in dataset.splits
    }


def split_sizes(
    dataset: Dataset, given: Mapping[str, tuple[Inputs, Inputs]]
) -> dict[str, int | None]:
    """Return the number of images of each split; never an error.

    Args:
        dataset: its configuration.
        given: what `inputs` returned.

    Returns:
        Split -> number of images; None = unknown before data are made or downloaded, if they
        cannot be read, or of tiles.
    """
    if dataset.tiles is not None:
        return dict.fromkeys(dataset.splits)
    if dataset.capabilities.generated or dataset.download:
        known = SOURCES[dataset.source].known_sizes(dataset)
        return {split: known.get(split) for split in dataset.splits}
    return {split: index.images for split, (index, _) in given.items()}


def drawn_inputs(dataset: Dataset, split: str) -> tuple[str, ...]:
    """List the paths of the existing files of the user that `drawn_masks` reads; never an error.

    Of an archive it is the archive itself.
    """
    if fetched_augment(dataset) or dataset.download:
        return _existing([Path(dataset.augment)] if dataset.augment else [])
    try:
        source, root = SOURCES[dataset.source], Path(dataset.root or "")
        if dataset.mask_file():
            listing = source.list_cheaply(dataset, root)
            return _existing(annotated.drawn_from(dataset, listing, split))
        return _existing(source.drawn_from(dataset, root, split))
    except (UserError, OSError):
        return ()


def _of_split(
    dataset: Dataset, listing: Listing, split: str, problems: list[str]
) -> tuple[Inputs, Inputs]:
    """Return the inputs of the index of a split, and of its table of masks."""
    chosen = [
        (image_id, record)
        for image_id, record in zip(listing.ids, listing.records, strict=True)
        if record.split == split
    ]
    # facts of the tables, and files whose content counts
    rows = [[image_id, str(record.image), record.labels] for image_id, record in chosen]
    masks = [[str(record.image), str(record.mask)] for _, record in chosen if record.mask]
    mask_files = [record.mask for _, record in chosen if record.mask]
    label_files = [record.annotation for _, record in chosen if record.annotation]
    facts: list[object] = [listing.names, rows, problems]
    if dataset.labels_from == "masks":
        facts, label_files = [*facts, masks], mask_files
    tables = SOURCES[dataset.source].hashed_tables(dataset, listing.root, split)
    images = [record.image for _, record in chosen]
    masked = None if dataset.has_drawn_masks() else len(masks)
    return (
        Inputs(
            _digest(facts),
            _existing([*tables, *_below(listing.root, images + label_files)]),
            len(chosen),
        ),
        Inputs(_digest(masks), _existing(_below(listing.root, mask_files)), masked),
    )


def _digest(facts: object) -> str:
    return text_digest(json.dumps(facts))


def _below(root: Path, paths: Iterable[Path]) -> list[str]:
    # as Paths 100,000 of them would take a second
    folder = "" if root == Path() else root
    return [os.path.join(folder, path) for path in paths]  # noqa: PTH118


def _existing(paths: Iterable[Path | str]) -> tuple[str, ...]:
    return tuple(filter(is_file, map(str, paths)))
