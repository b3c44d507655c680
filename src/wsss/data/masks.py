"""Checks of ground-truth masks against the images and classes they belong to."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsss.data.files import digest, in_threads
from wsss.data.sources.listing import Listing, Record
from wsss.errors import UserError
from wsss.io.images import image_size
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import IGNORE, read_labels
from wsss.io.progress import log


@dataclass(frozen=True)
class _Finding:
    """What one mask showed: an error, or its digest and whether it exceeds the image's labels."""

    error: str = ""
    digest: str = ""
    beyond_labels: bool = False


def mask_table(listing: Listing, index: Index) -> tuple[Masks, list[str]]:
    """Check every mask and collect the sound ones.

    A mask must be of its image's size and hold only 0, 1..C and 255. That it shows a class its
    image-level labels lack is worth a warning only: in PASCAL VOC both were made apart.

    Args:
        listing: names the masks.
        index: the images they belong to; masks of other images are not looked at.

    Returns:
        The masks by image id, and one line per problem.
    """
    items = {item.image: item for item in index.items}
    jobs = [
        (r, items[listing.root / r.image]) for r in listing.records if _wanted(r, listing, items)
    ]
    findings = in_threads(lambda job: _look(listing.root, *job, index), jobs, "check masks")
    paths, digests, problems, beyond = {}, {}, [], []
    for (record, item), finding in zip(jobs, findings, strict=True):
        if finding.error:
            problems.append(f"{record.where}: {finding.error}")
            continue
        paths[item.image_id] = listing.root / record.mask
        digests[item.image_id] = finding.digest
        beyond += [item.image_id] * finding.beyond_labels
    if beyond:
        log.warning("%d masks show a class their labels lack, e.g. %s", len(beyond), beyond[0])
    return Masks(listing.mask_source, paths, digests), problems


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
    beyond = bool(set(ids - 1) - {-1, *item.classes})
    return _Finding(digest=digest(path), beyond_labels=beyond)
