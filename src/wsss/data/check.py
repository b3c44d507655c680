"""Look at everything once, before hours of training, and name all mistakes with their places."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from wsss.config.dataset import Dataset
from wsss.data.files import digest, in_threads
from wsss.data.masks import mask_table
from wsss.data.sources import Listing, Record
from wsss.data.taxonomy import NO_CLASS
from wsss.errors import UserError
from wsss.io.images import read_image
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import IGNORE
from wsss.io.progress import log

MAX_CLASSES = IGNORE - 1
"""Mask ids are 8-bit: 0 background, 1..254 classes, 255 ignored."""

_RESERVED = "\t\n\r;"


def check_listing(listing: Listing, dataset: Dataset) -> tuple[Index, Masks]:
    """Turn a listing into the index and the masks, or say all that is wrong with it.

    Every image and mask is decoded wholly, in threads.

    Args:
        listing: what the source says.
        dataset: its configuration; only the splits are used.

    Returns:
        The index in the order of the listing, and the masks of the images that have one.

    Raises:
        UserError: `N problems in <root>:` and one line for each, with its file and line.
    """
    names = listing.class_names or _names(listing.records)
    ids = image_ids([record.image for record in listing.records])
    problems = [
        *listing.problems,
        *_class_problems(names),
        *_record_problems(listing, ids, names),
        *_split_problems(listing.records, dataset),
        *_unlearnt(listing, names),
    ]
    digests, broken = _images(listing)
    problems += [f"{r.where}: {broken[r.image]}" for r in listing.records if r.image in broken]
    index = Index(names, tuple(_items(listing, ids, names, digests)))
    masks, mask_problems = mask_table(listing, index)
    _stop(listing.root, [*problems, *mask_problems])
    return index, masks


def check_masks(listing: Listing, index: Index) -> Masks:
    """Check the masks of a listing against an index made earlier.

    Returns:
        The masks of those images of the index that have one.

    Raises:
        UserError: as in `check_listing`, if a mask is missing, broken, of another size than its
            image or shows an id that is no class.
    """
    masks, problems = mask_table(listing, index)
    _stop(listing.root, problems)
    return masks


def image_ids(images: Sequence[Path]) -> list[str]:
    """Name images by their path without suffix and without the folder common to all.

    `a/x.jpg`, `a/b/y.jpg` become `x` and `b__y`.
    """
    if not images:
        return []
    parents = [str(PurePosixPath("/", image).parent) for image in images]
    common = os.path.commonpath(parents)
    return ["__".join(_under(image, common).with_suffix("").parts) for image in images]


def _under(image: Path, folder: str) -> PurePosixPath:
    return PurePosixPath("/", image).relative_to(folder)


def _names(records: Iterable[Record]) -> tuple[str, ...]:
    names = {name for record in records for name in record.labels}
    return tuple(sorted(names - {NO_CLASS, ""}))


def _class_problems(names: Sequence[str]) -> Iterator[str]:
    """Class names that cannot be told apart, written to a table or held by an 8-bit mask."""
    if len(names) > MAX_CLASSES:
        yield f"{len(names)} classes; an 8-bit mask holds at most {MAX_CLASSES}"
    if not names:
        yield "no class: no label names one and dataset.classes is empty"
    for name in names:
        if name in (NO_CLASS, "") or any(sign in name for sign in _RESERVED):
            yield f"dataset.classes: {name!r} cannot be the name of a class"
    for folded, count in Counter(name.casefold() for name in names).items():
        if count > 1:
            same = [name for name in names if name.casefold() == folded]
            yield f"classes {' and '.join(map(repr, same))} differ in upper and lower case only"


def _record_problems(listing: Listing, ids: list[str], names: Sequence[str]) -> Iterator[str]:
    """Mistakes in single lines: labels, paths, ids."""
    first: dict[str, str] = {}
    for record, image_id in zip(listing.records, ids, strict=True):
        yield from (f"{record.where}: {text}" for text in _label_problems(record.labels, names))
        for path in filter(None, (record.image, record.mask)):
            if path.is_absolute() or ".." in path.parts:
                yield f"{record.where}: {path} lies outside the folder {listing.root}"
        if any(sign in image_id for sign in _RESERVED):
            yield f"{record.where}: {str(record.image)!r} has a tab, line break or semicolon"
        if image_id in first:
            yield f"{record.where}: {image_id} is already the id of the image in {first[image_id]}"
        first.setdefault(image_id, record.where)


def _label_problems(labels: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    if not labels:
        yield f"no label; write {NO_CLASS} if the image shows none of the classes"
    if NO_CLASS in labels and len(labels) > 1:
        yield f"{NO_CLASS} stands beside other labels; it means that there are none"
    for label in labels:
        if not label:
            yield "an empty label; remove the extra semicolon"
        elif label not in names and label != NO_CLASS:
            close = get_close_matches(label, names, 1)
            hint = f"did you mean {close[0]}?" if close else "add it to dataset.classes"
            yield f"unknown label {label!r}; {hint}"


def _split_problems(records: Sequence[Record], dataset: Dataset) -> Iterator[str]:
    for ours, theirs in dataset.splits.items():
        if not any(record.split == ours for record in records):
            yield f"split {ours} has no image; dataset.splits says it is called {theirs!r}"


def _unlearnt(listing: Listing, names: Sequence[str]) -> Iterator[str]:
    """Classes without a training image: a likely typo, unless the list of classes was given."""
    records = listing.records
    learnt = {name for record in records if record.split == "train" for name in record.labels}
    for name in names if learnt else ():
        if name not in learnt and listing.class_names:
            log.warning("class %r occurs in no image of the split train", name)
        elif name not in learnt:
            yield f"class {name!r} occurs in no image of the split train"


def _images(listing: Listing) -> tuple[dict[Path, str], dict[Path, str]]:
    """Decode every image; return the digests of the good and the errors of the bad."""
    paths = list(dict.fromkeys(record.image for record in listing.records))
    results = in_threads(lambda path: _image(listing.root / path), paths, "check images")
    digests = {path: digest for path, (digest, _) in zip(paths, results, strict=True) if digest}
    errors = {path: error for path, (_, error) in zip(paths, results, strict=True) if error}
    return digests, errors


def _image(path: Path) -> tuple[str, str]:
    try:
        read_image(path)
    except UserError as error:
        return "", str(error)
    return digest(path), ""


def _items(
    listing: Listing, ids: Sequence[str], names: Sequence[str], digests: dict[Path, str]
) -> Iterator[Item]:
    numbers = {name: number for number, name in enumerate(names)}
    for record, image_id in zip(listing.records, ids, strict=True):
        classes = tuple(sorted(numbers[name] for name in record.labels if name in numbers))
        if record.image in digests:
            path = listing.root / record.image
            yield Item(image_id, record.split, path, digests[record.image], classes)


def _stop(root: Path, problems: Sequence[str]) -> None:
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        raise UserError("\n".join([f"{count} in {root}:", *problems]))
