"""Where images and labels come from: a table (`csv`), a PASCAL VOC folder (`voc`), the demo."""

from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.data.sources import csv, demo, voc
from wsss.data.sources.listing import Listing, Record
from wsss.errors import UserError

__all__ = ["Listing", "Record", "inputs", "read"]

_READERS = {"csv": csv.read, "voc": voc.read}


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


def inputs(dataset: Dataset) -> tuple[list[Path], list[Path]]:
    """Name the external files a data set depends on, for the workflow's content digests.

    Cheap, and never an error: what is missing or broken is left out here and reported by the
    check. The demo has none, since the workflow makes its files itself.

    Returns:
        Existing label and image files, and existing mask files.
    """
    try:
        if dataset.source == "voc":
            return voc.inputs(dataset, Path(dataset.root or ""))
        if dataset.source == "csv":
            return csv.inputs(dataset, Path(dataset.root or ""))
    except (UserError, OSError):
        return [], []
    return [], []
