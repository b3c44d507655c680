"""The demo data set, as `wsss.demo.folder` writes it: the layout of PASCAL VOC, fixed classes."""

from dataclasses import replace
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.data.sources import voc
from wsss.data.sources.base import Source
from wsss.data.sources.listing import Listing
from wsss.demo.scenes import CLASSES
from wsss.errors import UserError


def read(_: Dataset, root: Path) -> Listing:
    """List the images of a folder written by `wsss make-demo`.

    Raises:
        UserError: the folder is not finished.
    """
    if not (root / "labels.csv").is_file():
        raise UserError(f"{root}: not a finished demo folder; run wsss make-demo --out {root}")
    listing = voc.read(Dataset(source="voc", root=str(root), classes=list(CLASSES)), root)
    return replace(listing, mask_source="generated with the images")


def _sizes(dataset: Dataset) -> dict[str, int]:
    return {"train": dataset.demo.images, "val": dataset.demo.val_images}


SOURCE = Source(read, known_sizes=_sizes)
