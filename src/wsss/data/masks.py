"""Checks of ground-truth masks against the images and classes they belong to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsss.data.files import in_threads
from wsss.data.sources.listing import Listing, Record
from wsss.errors import UserError
from wsss.io.images import image_size
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import IGNORE, read_labels
from wsss.io.progress import log
from wsss.io.provenance import file_digest


@dataclass(frozen=True)
class _Finding:
    """What one mask showed: an error, or its digest and the classes in it."""

    error: str = ""
    digest: str = ""
    shown: frozenset[int] = frozenset()


def mask_table(listing: Listing, index: Index, threads: int) -> tuple[Masks, list[str]]:
    """Check every mask and collect the sound ones.

    A mask must be of its image's size and hold only 0, 1..C and 255. That it shows a class its
    image-level labels lack, or none at all, is worth a warning only: in PASCAL VOC both were made
    apart. If no mask of a split shows any class, though, the ids must be wrong (0 and 255 in
    black-and-white masks), and every figure would be.

    Args:
        listing: names the masks.
        index: the images they belong to; masks of other images are not looked at.
        threads: masks decoded at a time.

    Returns:
        The masks by image id, and one line per problem.
    """
    items = {item.image: item for item in index.items}
    jobs = [
        (r, items[listing.root / r.image]) for r in listing.records if _wanted(r, listing, items)
    ]
    looks = in_threads(lambda job: _look(listing.root, *job, index), jobs, "check masks", threads)
    findings = list(zip(jobs, looks, strict=True))
    problems = [f"{record.where}: {found.error}" for (record, _), found in findings if found.error]
    sound = [(record, item, found) for (record, item), found in findings if not found.error]
    paths = {item.image_id: listing.root / record.mask for record, item, _ in sound}
    digests = {item.image_id: found.digest for _, item, found in sound}
    problems += _classless([(item, found) for _, item, found in sound])
    return Masks(listing.mask_source if paths else "", paths, digests), problems


def _classless(sound: Sequence[tuple[Item, _Finding]]) -> Iterator[str]:
    """Compare the masks with the labels; yield the splits whose masks show no class at all."""
    beyond = [item.image_id for item, found in sound if found.shown - set(item.classes)]
    empty = [item for item, found in sound if item.classes and not found.shown]
    if beyond:
        log.warning("%d masks show a class their labels lack: %s", len(beyond), _some(beyond))
    for split in dict.fromkeys(item.split for item in empty):
        if not any(found.shown for item, found in sound if item.split == split):
            yield (
                f"split {split}: the masks hold only 0 and 255 (= ignored), although the images "
                "are labelled; write class ids 1, 2, ..."
            )
            empty = [item for item in empty if item.split != split]
    if empty:
        names = _some([item.image_id for item in empty])
        log.warning("%d masks show no class although the image is labelled: %s", len(empty), names)


def _some(names: Sequence[str]) -> str:
    """List names, the first of many."""
    return ", ".join(names[:5]) + ", ..." * (len(names) > 5)


def _wanted(record: Record, listing: Listing, items: dict[Path, Item]) -> bool:
    return record.mask is not None and listing.root / record.image in items


def _look(root: Path, record: Record, item: Item, index: Index) -> _Finding:
    path = root / record.mask
    if not path.is_file():
        return _Finding(f"{path}: the mask does not exist")
    try:
        labels = read_labels(path)
    except UserError as error:
        return _Finding(str(error))
    size = image_size(item.image)
    if labels.shape != size:
        shown, wanted = (f"{w} x {h}" for h, w in (labels.shape, size))
        return _Finding(f"{path}: the mask is {shown} pixels, its image {wanted}")
    ids = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[:IGNORE])
    if ids.max(initial=0) > index.num_classes:
        return _Finding(f"{path}: holds id {ids.max()}, but there are {index.num_classes} classes")
    return _Finding(digest=file_digest(path), shown=frozenset((ids[ids > 0] - 1).tolist()))
