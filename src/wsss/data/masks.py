"""Checks of ground-truth masks against their images and classes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from wsss.data.files import in_threads
from wsss.data.sources.listing import Listing, Record
from wsss.data.taxonomy import NO_CLASS
from wsss.errors import UserError, first_of, raise_problems
from wsss.io.images import image_size
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import IGNORE, LabelReader, mask_problem, read_labels
from wsss.io.names import is_file
from wsss.io.progress import log, track
from wsss.io.provenance import file_digest

Drawn = Mapping[str, Path]
"""image id -> drawn mask, for images without a mask of their own"""


Labelled = tuple[str, np.ndarray]
"""image id, label map"""


@dataclass(frozen=True)
class _Finding:
    """Result of reading a mask: an error, or its digest and the classes in it."""

    error: str = ""
    digest: str = ""
    shown: frozenset[int] = frozenset()


def read_drawn(records: Sequence[Path]) -> dict[str, Path]:
    """Read the records of `wsss convert-masks`: image id -> mask.

    Raises:
        UserError: a record is missing or damaged.
    """
    return {i: r.with_name(f"{i}.png") for r in records for i in LabelReader([r]).ids}


def draw_all(drawn: Mapping[str, Callable[[], np.ndarray]], split: str) -> Iterator[Labelled]:
    """Draw the label maps (H, W) uint8 of a split, with progress.

    Raises:
        UserError: after the last one, naming all that cannot be drawn.
    """
    problems = []
    for image_id in track(drawn, f"draw masks of {split}"):
        try:
            labels = drawn[image_id]()
        except UserError as error:
            problems.append(str(error))
        else:
            yield image_id, labels
    raise_problems(f"the masks of {split}", problems)


def labels_of_masks(listing: Listing, drawn: Drawn, threads: int) -> Listing:
    """Replace the image labels of a listing by the classes in the masks, of one pixel or more.

    255 is no class, and an image that shows none is `background`, which is warned about if it is
    labelled otherwise. If pixels of a drawn mask are ignored, they may be those of a crowd: of
    regions the image keeps all its labels, of other masks those that it has if it shows no class.
    Source: the data sets of ErikStammes/EADER.

    Args:
        listing: the images, their masks and the classes.
        drawn: masks for those images that have none.
        threads: masks decoded at a time.

    Returns:
        The listing; images without a mask are among its `problems`. Masks that cannot be read are
        reported by `mask_table`.
    """
    paths = _paths(listing, drawn)
    shown = in_threads(_shown, paths, "read labels off masks", threads)
    records = [
        replace(record, labels=_labels(record, ids, listing))
        for record, ids in zip(listing.records, shown, strict=True)
    ]
    lost = [
        str(record.image)
        for record, path, new in zip(listing.records, paths, records, strict=True)
        if path and new.labels == (NO_CLASS,) and set(record.labels) & set(listing.names)
    ]
    missing = [
        f"{record.where}: {record.image} has no mask to read its labels from"
        for record, path in zip(listing.records, paths, strict=True)
        if path is None
    ]
    warnings = list(listing.warnings)
    if lost:
        warnings.append(
            f"{len(lost)} labelled images count as {NO_CLASS}, for labels_from is masks and theirs "
            f"show no class: {first_of(lost)}"
        )
    return replace(
        listing,
        records=tuple(records),
        class_names=listing.names or None,
        problems=[*listing.problems, *missing],
        warnings=warnings,
    )


def _labels(record: Record, ids: Sequence[int], listing: Listing) -> tuple[str, ...]:
    """Return the names of the ids in the mask of an image, and of the classes it may hide."""
    shown = {name for number, name in enumerate(listing.names, start=1) if number in ids}
    hides = IGNORE in ids and record.mask is None and not (listing.drawn_source and shown)
    found = shown | set(record.labels if hides else ())
    return tuple(name for name in listing.names if name in found) or (NO_CLASS,)


def mask_table(
    listing: Listing, index: Index, drawn: Drawn, threads: int
) -> tuple[Masks, list[str]]:
    """Check every mask and collect the valid ones.

    A mask must have its image's size and hold only 0, 1..C and 255. A mask with a class that the
    image labels lack, or without any class, is only warned about: in PASCAL VOC labels and masks
    were made independently. If most masks, of all or of a split, show other classes than their
    labels, or if no mask of a split shows any class (0 and 255 in black-and-white masks), the ids
    must be wrong, and so would be every metric.

    Args:
        listing: names the masks.
        index: the images they belong to; masks of other images are not read.
        drawn: masks for those images that have none.
        threads: masks decoded at a time.

    Returns:
        The masks by image id, and one line per problem.
    """
    # masks of the images in the index
    items = {item.image: item for item in index.items}
    jobs = [
        (record.where, path, items[listing.root / record.image])
        for record, path in zip(listing.records, _paths(listing, drawn), strict=True)
        if path is not None and listing.root / record.image in items
    ]
    results = in_threads(lambda job: _checked(*job[1:], index), jobs, "check masks", threads)
    findings = list(zip(jobs, results, strict=True))
    # valid masks and the problems of the others
    problems = [f"{where}: {found.error}" for (where, _, _), found in findings if found.error]
    valid = [(path, item, found) for (_, path, item), found in findings if not found.error]
    paths = {item.image_id: path for path, item, _ in valid}
    digests = {item.image_id: found.digest for _, item, found in valid}
    problems += _classless([(item, found) for _, item, found in valid])
    return Masks(_source(listing, paths, drawn), paths, digests), problems


def _source(listing: Listing, paths: Mapping[str, Path], drawn: Drawn) -> str:
    """Describe the source of the masks in use; empty without masks."""
    is_drawn = {drawn.get(image_id) == path for image_id, path in paths.items()}
    own = [listing.mask_source] if False in is_drawn else []
    added = [listing.drawn_source or listing.mask_source] if True in is_drawn else []
    return ", ".join(dict.fromkeys(own + added))


def _paths(listing: Listing, drawn: Drawn) -> list[Path | None]:
    """Mask file of every record; None = it has none."""
    return [
        listing.root / record.mask if record.mask else drawn.get(image_id)
        for record, image_id in zip(listing.records, listing.ids, strict=True)
    ]


def _shown(path: Path | None) -> Sequence[int]:
    try:
        return np.unique(read_labels(path)).tolist() if path else []
    except UserError:
        return []


def _classless(valid: Sequence[tuple[Item, _Finding]]) -> Iterator[str]:
    """Compare masks with labels: warn about single masks, yield splits without any class."""
    showing = [(item, found) for item, found in valid if item.classes and found.shown]
    yield from islice(_contradictions(showing), 1)
    beyond = [item.image_id for item, found in valid if found.shown - set(item.classes)]
    empty = [item for item, found in valid if item.classes and not found.shown]
    if beyond:
        log.warning("masks with a class their labels lack: %d; %s", len(beyond), first_of(beyond))
    for split in dict.fromkeys(item.split for item in empty):
        if not any(found.shown for item, found in valid if item.split == split):
            yield (
                f"split {split}: the masks hold only 0 and 255 (= ignored), although the images "
                "are labelled; write class ids 1, 2, ..., and of COCO see dataset.coco.crowds"
            )
            empty = [item for item in empty if item.split != split]
    if empty:
        names = first_of([item.image_id for item in empty])
        log.warning("masks without any class of a labelled image: %d; %s", len(empty), names)


def _contradictions(showing: Sequence[tuple[Item, _Finding]]) -> Iterator[str]:
    """Yield the parts, the whole first, whose masks mostly show other classes than their labels.

    A split of a single mask proves nothing.
    """
    splits = dict.fromkeys(item.split for item, _ in showing)
    parts = [(f"split {s}: ", [pair for pair in showing if pair[0].split == s]) for s in splits]
    for place, own in [("", showing), *(part for part in parts if len(part[1]) > 1)]:
        strange = [item.image_id for item, found in own if not found.shown & set(item.classes)]
        if 2 * len(strange) > len(own):
            yield (
                f"{place}{len(strange)} of {len(own)} masks of labelled images show none of the "
                "classes of their image, but others: are the ids in the order of dataset.classes, "
                f"from 1? {first_of(strange)}"
            )


def _checked(path: Path, item: Item, index: Index) -> _Finding:
    if not is_file(path):
        return _Finding(f"{path}: the mask does not exist")
    try:
        labels = read_labels(path)
    except UserError as error:
        return _Finding(str(error))
    wrong = mask_problem(labels, image_size(item.image), index.num_classes)
    if wrong:
        return _Finding(f"{path}: {wrong}")
    shown = np.flatnonzero(np.bincount(labels.ravel(), minlength=IGNORE)[1:IGNORE])
    return _Finding(digest=file_digest(path), shown=frozenset(shown.tolist()))
