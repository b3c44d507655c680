"""Where images and labels come from: a table (`csv`), a PASCAL VOC folder (`voc`), the demo."""

import json
from dataclasses import dataclass
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.data.sources import csv, demo, voc
from wsss.data.sources.listing import Listing, Record
from wsss.errors import UserError
from wsss.io.provenance import text_digest

__all__ = ["Inputs", "Listing", "Record", "inputs", "read"]

_READERS = {"csv": csv.read, "voc": voc.read}
_OUTLINES = {"csv": csv.read, "voc": voc.outline}


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
    """List the images of a data set.

    Args:
        dataset: its configuration.
        root: folder of the data; None = `dataset.root`. The demo, which has no folder of its own,
            is given the one it was made in.

    Returns:
        The listing, with every mistake that reading showed in `problems`.

    Raises:
        UserError: if there is no folder, two splits are the same, or the table of labels cannot
            be understood at all.
    """
    folder = root or Path(dataset.root or "")
    if not (root or dataset.root):
        raise UserError("dataset.root is not set: name the folder of the data")
    if not folder.is_dir():
        raise UserError(f"dataset.root: {folder} is not a folder")
    names = list(dataset.splits.values())
    if "train" not in dataset.splits or len(set(names)) < len(names):
        raise UserError(f"dataset.splits: name train and different splits, not {dataset.splits}")
    return (
        demo.read(folder) if dataset.source == "demo" else _READERS[dataset.source](dataset, folder)
    )


def inputs(dataset: Dataset) -> dict[str, tuple[Inputs, Inputs]]:
    """Say what the tables of each split depend on, for the workflow to compare.

    Cheap, and never an error: what is missing or broken is left out here and reported by the
    check. The demo depends on no file of the user. If the tables cannot be understood, their
    bytes stand for what they say. Mistakes that belong to no image count for the last split, so
    that correcting one does not train anything again.

    Returns:
        Split -> inputs of the index, and of the table of masks.
    """
    if dataset.source == "demo":
        return dict.fromkeys(dataset.splits, (Inputs(), Inputs()))
    root = Path(dataset.root or "")
    try:
        listing = _OUTLINES[dataset.source](dataset, root)
    except (UserError, OSError):
        raw = Inputs("unreadable", _existing([root / dataset.labels, *voc.lists(dataset, root)]))
        return dict.fromkeys(dataset.splits, (raw, raw))
    *_, last = dataset.splits
    return {
        split: _of_split(listing, split, listing.problems if split == last else [])
        for split in dataset.splits
    }


def _of_split(listing: Listing, split: str, problems: list[str]) -> tuple[Inputs, Inputs]:
    chosen = [
        (image_id, record)
        for image_id, record in zip(listing.ids, listing.records, strict=True)
        if record.split == split
    ]
    rows = [[image_id, str(record.image), record.labels] for image_id, record in chosen]
    masks = [[str(record.image), str(record.mask)] for _, record in chosen if record.mask]
    read = [path for _, r in chosen for path in (r.image, r.annotation) if path]
    shown = [record.mask for _, record in chosen if record.mask]
    return (
        _inputs(listing.root, [listing.names, rows, problems], read),
        _inputs(listing.root, masks, shown),
    )


def _inputs(root: Path, facts: list, paths: list[Path]) -> Inputs:
    return Inputs(text_digest(json.dumps(facts)), _existing([root / path for path in paths]))


def _existing(paths: list[Path]) -> tuple[Path, ...]:
    return tuple(path for path in paths if path.is_file())
