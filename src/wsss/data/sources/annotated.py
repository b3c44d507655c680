"""Masks as annotation tools export them, for every source of images and labels.

    labelmap.txt     colours of the data set's masks: `wsss.data.sources.labelmap`
    <name>.json      brush masks of Label Studio: `wsss.data.sources.brushes`

The file is `dataset.masks`, else `labelmap.txt` in the folder of the data. Such masks are drawn as
label maps before they are used, like the regions of MS-COCO.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.data.sources import brushes, labelmap
from wsss.data.sources.base import DrawMask
from wsss.data.sources.listing import Listing


def with_classes(dataset: Dataset, root: Path) -> Dataset:
    """Copy the configuration with the classes of the tool's file, if there is one and none are set.

    Raises:
        UserError: the file is missing or damaged.
    """
    path = dataset.mask_file(root)
    if path is None or dataset.classes:
        return dataset
    if _is_labelmap(path):
        names = labelmap.class_names(labelmap.read_labelmap(path))
    else:
        names = brushes.class_names(brushes.read_tasks(path))
    return dataset.model_copy(update={"classes": names})


def without_masks(listing: Listing, dataset: Dataset) -> Listing:
    """Copy a listing without those mask files that the masks of the tool replace.

    Raises:
        UserError: the tool's file is missing or damaged, or does not fit the images.
    """
    path = dataset.mask_file(listing.root)
    if path is None:
        return listing
    drawn = {r.image for r in listing.records} if _is_labelmap(path) else _tasks(path, listing)
    records = tuple(replace(r, mask=None) if r.image in drawn else r for r in listing.records)
    source = f"colours of {path.name}" if _is_labelmap(path) else f"brush masks in {path.name}"
    return replace(listing, records=records, drawn_source=source)


def masks(dataset: Dataset, listing: Listing, split: str) -> Mapping[str, DrawMask]:
    """Return functions that draw the label maps (H, W) uint8 of a split, by image id.

    Args:
        dataset: its configuration, with the classes.
        listing: images with the mask files of the source.
        split: train or val.

    Raises:
        UserError: the tool's file is missing or damaged, or does not fit images and classes.
    """
    path, root, names = dataset.mask_file(listing.root), listing.root, listing.names
    if path is None:
        return {}
    if _is_labelmap(path):
        table = labelmap.label_table(labelmap.read_labelmap(path), names, path)
        return {
            image_id: partial(labelmap.draw, file, table, root / image)
            for image_id, image, file in _files(listing, split)
        }
    tasks = _tasks(path, listing)
    return {
        image_id: partial(brushes.draw, tasks[r.image], names, root / r.image, path)
        for image_id, r in zip(listing.ids, listing.records, strict=True)
        if r.split == split and r.image in tasks
    }


def drawn_from(dataset: Dataset, listing: Listing, split: str) -> Sequence[Path]:
    """Return the files that the masks of a split are drawn from."""
    path = dataset.mask_file(listing.root)
    if path is None:
        return ()
    files = _files(listing, split) if _is_labelmap(path) else ()
    return [path, *(file for *_, file in files)]


def _tasks(path: Path, listing: Listing) -> Mapping[Path, brushes.Task]:
    return brushes.matched(brushes.read_tasks(path), [r.image for r in listing.records], path)


def _files(listing: Listing, split: str) -> Iterator[tuple[str, Path, Path]]:
    """Yield image id, image relative to the root, and mask file of a split."""
    for image_id, record in zip(listing.ids, listing.records, strict=True):
        if record.split == split and record.mask:
            yield image_id, record.image, listing.root / record.mask


def _is_labelmap(path: Path) -> bool:
    return path.suffix != ".json"
