"""Check of a whole data set before training: every mistake is named with its file and line."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from unicodedata import normalize

from wsss.config.dataset import Dataset
from wsss.data.alike import thumbnail
from wsss.data.files import in_threads
from wsss.data.masks import Drawn, labels_of_masks, mask_table
from wsss.data.sources.listing import Listing, Record, training_labels
from wsss.data.taxonomy import NO_CLASS
from wsss.data.unusual import warn_dim, warn_traits
from wsss.errors import UserError, first_of, raise_problems
from wsss.io.images import LARGEST, WHOLE, decode
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import IGNORE
from wsss.io.names import name_problem
from wsss.io.progress import log
from wsss.io.provenance import file_digest
from wsss.names import class_problem, is_unwritable, look_alikes, suggestion, warnings
from wsss.products import VAL

MAX_CLASSES = IGNORE - 1
"""Mask ids are 8-bit: 0 background, 1..254 classes, 255 ignored."""

LARGE = 2000
"""Largest side of an image in pixels without a warning."""

NOT_DRAWN: Drawn = MappingProxyType({})
"""No drawn masks: all are files of the listing."""


@dataclass(frozen=True)
class Look:
    """Result of decoding an image.

    Attributes:
        error: why it cannot be read; empty if it can.
        digest: that of its file.
        size: (H, W).
        traits: keys of `TRAITS` that it has.
        dim: as in `Decoded`.
        thumbnail: see `wsss.data.alike.thumbnail`.
    """

    error: str = ""
    digest: str = ""
    size: tuple[int, int] = (0, 0)
    traits: tuple[str, ...] = ()
    dim: int | None = None
    thumbnail: bytes = b""

    @property
    def side(self) -> int:
        """Longer side."""
        return max(self.size)

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.size[0] * self.size[1]

    def __str__(self) -> str:
        return f"{self.size[1]} x {self.size[0]}"


@dataclass(frozen=True)
class Examined:
    """A data set without a mistake.

    Attributes:
        index: the images and their labels.
        masks: the masks of those images that have one.
        looks: what decoding showed, by image file.
    """

    index: Index
    masks: Masks
    looks: dict[Path, Look]

    def thumbnails(self) -> list[bytes]:
        """Return the thumbnails of the images in the order of the index."""
        return [self.looks[item.image].thumbnail for item in self.index.items]


def check_listing(
    listing: Listing, dataset: Dataset, threads: int = 1, drawn: Drawn = NOT_DRAWN
) -> tuple[Index, Masks]:
    """Return the index of images and the table of masks, as `examine` does."""
    found = examine(listing, dataset, threads, drawn)
    return found.index, found.masks


def examine(
    listing: Listing, dataset: Dataset, threads: int = 1, drawn: Drawn = NOT_DRAWN
) -> Examined:
    """Turn a listing into the index of images and the table of masks.

    Every image and mask is decoded completely.

    Args:
        listing: images, labels and masks as the source lists them.
        dataset: its configuration; only the splits, `labels_from`, `tiles` and `white` are used.
        threads: images decoded at a time.
        drawn: masks for those images that have none, by image id.

    Returns:
        The index in the order of the listing, the masks, and what decoding the images showed.

    Raises:
        UserError: `N problems in <root>:` and one line for each, with its file and line.
    """
    if dataset.labels_from == "masks":
        listing = labels_of_masks(listing, drawn, threads)
    for line in listing.warnings:
        log.warning(line)
    # tables
    problems = [
        *listing.problems,
        *_class_problems(listing.names, dataset.classes),
        *_record_problems(listing),
        *_split_problems(listing.records, dataset, drawn),
    ]
    # files of images and masks
    looks = _images(listing, LARGEST if dataset.tiles else WHOLE, dataset.white, threads)
    errors = {image: look.error for image, look in looks.items() if look.error}
    problems += [f"{r.where}: {errors[r.image]}" for r in listing.records if r.image in errors]
    index = Index(listing.names, tuple(_items(listing, looks, dataset.white)))
    masks, mask_problems = mask_table(listing, index, drawn, threads)
    raise_problems(listing.root, [*problems, *mask_problems])
    # warnings about a valid data set
    for line in (*warnings(listing.names), *_similar_ids(listing)):
        log.warning(line)
    _warn_untrained(listing)
    warn_traits({path: look.traits for path, look in looks.items()})
    warn_dim({path: look.dim for path, look in looks.items()}, "dataset.white:")
    if dataset.tiles is None:
        _warn_large(looks)
    return Examined(index, masks, {listing.root / path: look for path, look in looks.items()})


def check_masks(
    listing: Listing, index: Index, threads: int = 1, drawn: Drawn = NOT_DRAWN
) -> Masks:
    """Check the masks of a listing against an index made earlier.

    Args:
        listing: names the images and their masks.
        index: the images.
        threads: masks decoded at a time.
        drawn: masks for those images that have none, by image id.

    Returns:
        The masks of those images of the index that have one.

    Raises:
        UserError: as `check_listing`, if a mask is missing, broken, of another size than its image
            or has an id that is no class, or if no mask of a split shows a class.
    """
    masks, problems = mask_table(listing, index, drawn, threads)
    raise_problems(listing.root, problems)
    return masks


def _class_problems(names: Sequence[str], configured: Sequence[str] = ()) -> Iterator[str]:
    """Yield problems of class names: ambiguous, not writable to a table, too many for 8 bits."""
    if len(names) > MAX_CLASSES:
        yield (
            f"{len(names)} classes, but an 8-bit mask holds at most {MAX_CLASSES}; join similar "
            "ones, or leave some out of the labels"
        )
    if not names:
        yield "no class: no label names one and dataset.classes is empty"
    for name in names:
        if wrong := class_problem(name):
            yield f"dataset.classes: {wrong}" if name in configured else wrong
    yield from (f"class {n!r} is listed {c} times" for n, c in Counter(names).items() if c > 1)
    yield from look_alikes(names)


def _record_problems(listing: Listing) -> Iterator[str]:
    """Yield problems of single records: labels, paths, image ids."""
    first: dict[str, str] = {}
    hint = "add it to dataset.classes" if listing.class_names else "no training image has it"
    for record, image_id in zip(listing.records, listing.ids, strict=True):
        of_labels = label_problems(record.labels, listing.names, hint, bool(record.mask))
        yield from (f"{record.where}: {text}" for text in of_labels)
        yield from several_in_one(record, listing.class_names or ())
        for path in filter(None, (record.image, record.mask)):
            if path.is_absolute() or ".." in path.parts:
                yield f"{record.where}: {path} is outside the folder {listing.root}"
        if wrong := name_problem(image_id):
            yield f"{record.where}: {wrong}; rename the image"
        if is_unwritable(image_id):
            yield f"{record.where}: {str(record.image)!r} has a control character or a semicolon"
        if image_id in first:
            yield (
                f"{record.where}: {image_id} is already the id of the image in {first[image_id]}; "
                "rename one, or write the labels of one image into one row"
            )
        first.setdefault(image_id, record.where)


def several_in_one(record: Record, classes: Collection[str]) -> Iterator[str]:
    """Yield the labels that read as several and are none of the classes that are given."""
    for label in record.labels:
        if label not in classes and re.search("[,|]", label):
            yield (
                f"{record.where}: {label!r} reads as several labels; separate them by ;, or "
                "list it in dataset.classes if it is one"
            )


def label_problems(
    labels: Sequence[str],
    names: Sequence[str],
    hint: str = "add it to dataset.classes",
    has_mask: bool = False,
) -> Iterator[str]:
    """Yield problems of the labels of one image or tile.

    Args:
        labels: as written.
        names: the classes.
        hint: remedy for a label that is not close to any class.
        has_mask: whether the image has a mask.
    """
    if not labels and has_mask:
        yield f"no label beside its mask; write the classes that the mask shows, or {NO_CLASS}"
    elif not labels:
        yield f"no label; write {NO_CLASS} if it shows none of the classes"
    if NO_CLASS in labels and len(labels) > 1:
        yield f"{NO_CLASS} beside other labels; it means that there are none"
    for label in labels:
        if not label:
            yield "an empty label; remove the extra semicolon"
        elif label not in names and label != NO_CLASS:
            yield f"unknown label {label!a}; {suggestion(label, names) or hint}"


def _similar_ids(listing: Listing) -> Iterator[str]:
    """Yield the ids that are one file name on the file systems of macOS and Windows."""
    groups: dict[str, list[str]] = {}
    for image_id in listing.ids:
        groups.setdefault(normalize("NFC", image_id).casefold(), []).append(image_id)
    same = [f"{ids[0]!a} and {ids[1]!a}" for ids in groups.values() if len(ids) > 1]
    if same:
        yield (
            f"{len(same)} image ids differ from another in case or the coding of letters only, so "
            f"that their masks overwrite each other on macOS and Windows: {first_of(same)}"
        )


def _split_problems(records: Sequence[Record], dataset: Dataset, drawn: Drawn) -> Iterator[str]:
    """Yield the empty splits; without masks no image need be held out."""
    has_masks = bool(drawn) or any(record.mask for record in records)
    for ours, theirs in dataset.splits.items():
        if any(record.split == ours for record in records):
            continue
        if ours == VAL and records and not has_masks:
            log.warning("split val has no image (dataset.splits.val: %s): none is held out", theirs)
        else:
            yield (
                f"split {ours} has no image: dataset.splits.{ours} names it {theirs!r}; correct "
                "that, or list images of it"
            )


def _warn_untrained(listing: Listing) -> None:
    """Warn about listed classes that no training image shows."""
    trained = training_labels(listing.records)
    for name in listing.names:
        if name not in trained:
            log.warning("class %r occurs in no image of the split train", name)


def _warn_large(looks: dict[Path, Look]) -> None:
    """Warn once about images of full camera resolution, which cost time and memory."""
    large = [(look.pixels, path) for path, look in looks.items() if look.side > LARGE]
    if large:
        _, largest = max(large)
        log.warning(
            "images larger than %d pixels on a side: %d, the largest is %s (%s); time and "
            "memory grow with the area: shrink images and masks to about 1000 pixels, or "
            "set dataset.tiles {size: 512, overlap: 128}",
            LARGE,
            len(large),
            largest,
            looks[largest],
        )


def _images(listing: Listing, limit: int, white: int, threads: int) -> dict[Path, Look]:
    """Decode every image of a listing once."""

    def look(path: Path) -> Look:
        return _image(listing.root / path, limit, white)

    paths = list(dict.fromkeys(record.image for record in listing.records))
    return dict(zip(paths, in_threads(look, paths, "check images", threads), strict=True))


def _image(path: Path, limit: int, white: int) -> Look:
    try:
        image = decode(path, limit, white)
    except UserError as error:
        return Look(str(error))
    size, small = image.pixels.shape[:2], thumbnail(image.pixels)
    return Look("", file_digest(path), size, image.traits, image.dim, small)


def _items(listing: Listing, looks: dict[Path, Look], white: int) -> Iterator[Item]:
    numbers = {name: number for number, name in enumerate(listing.names)}
    for record, image_id in zip(listing.records, listing.ids, strict=True):
        classes = tuple(sorted(numbers[name] for name in record.labels if name in numbers))
        look = looks[record.image]
        if not look.error:
            path = listing.root / record.image
            yield Item(image_id, record.split, path, look.digest, classes, white)
