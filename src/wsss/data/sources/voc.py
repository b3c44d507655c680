"""A folder in the layout of PASCAL VOC.

    ImageSets/Segmentation/<split>.txt    one image id per line; train_aug.txt may be missing
    JPEGImages/<id>.jpg                   the images, or with the ending of another format
    labels.csv or Annotations/<id>.xml    the labels; the table has precedence
    SegmentationClass/<id>.png            masks for evaluation; any or all may be missing

The table has the columns `image` (path or id) and `labels` as in `wsss.data.sources.csv`. In the
XML files every element `name` that is a class counts, objects marked difficult included; the
image-level labels of the WSSS literature were made like this (jiwoon-ahn/psa, `cls_labels.npy`).

`dataset.augment` adds SBD or SegmentationClassAug as an overlay; the VOC folder is never written
to. A missing train_aug is VOC's train and all images of `augment` outside of VOC's val (10582).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree

import numpy as np

from wsss.config.dataset import TRAIN_AUG, Dataset, fetched_augment
from wsss.data.sources import sbd
from wsss.data.sources.base import DrawMask, Source
from wsss.data.sources.folders import SUFFIXES
from wsss.data.sources.listing import Listing, Record, training_labels
from wsss.data.sources.table import read_table, split_labels
from wsss.data.taxonomy import NO_CLASS, VOC_CLASSES
from wsss.errors import UserError, first_of
from wsss.files import regular
from wsss.io.images import image_size
from wsss.io.labels import mask_problem
from wsss.io.names import is_file
from wsss.names import cleaned, suggestion

_LISTS = Path("ImageSets/Segmentation")
_IMAGES = Path("JPEGImages")
_XML = Path("Annotations")
_MASKS = Path("SegmentationClass")
_OFFICIAL = {1464: 10582}
"""Images in VOC 2012's train and in its train_aug."""
_SIZES = {"train": 1464, "val": 1449, "trainval": 2913, TRAIN_AUG: 10582}
"""Images in the lists of VOC 2012."""

Labels = dict[str, tuple[tuple[str, ...], str]]
"""image id -> class names, and their place in the table"""


def read(dataset: Dataset, root: Path) -> Listing:
    """List the images of a VOC folder.

    The classes are `dataset.classes`, else the 20 of VOC if all training labels are among them,
    else the sorted names of the training labels. If labels are taken from the masks, the listing
    has only those of a table.

    Raises:
        UserError: a list or the table of labels cannot be read, or `augment` holds no masks.
    """
    _refuse_archive(dataset)
    listing = outline(dataset, root)
    if dataset.augment:
        listing = replace(listing, drawn_source=sbd.find(Path(dataset.augment)).name)
    if (root / dataset.labels).is_file() or dataset.labels_from == "masks":
        return listing
    if not (root / _XML).is_dir():
        raise UserError(f"{root}: neither a table of labels nor the folder {_XML}")
    records = [_with_labels(record, dataset, listing) for record in listing.records]
    return replace(listing, records=tuple(records))


def outline(dataset: Dataset, root: Path) -> Listing:
    """List the images like `read`, but open no XML file; their images have no labels here.

    If `augment` is an archive, all images outside of VOC's val count as listed.

    Raises:
        UserError: a list or the table of labels cannot be read, or `augment` holds no masks.
    """
    problems: list[str] = []
    ids = _ids(dataset, root, problems)
    table = root / dataset.labels
    labels = _table_labels(table, problems) if table.is_file() else None
    images = _image_files(root)
    records = tuple(
        _record(root, _image(image_id, images), *place, labels) for image_id, place in ids.items()
    )
    problems += [
        f"{where}: {image_id} is in {first_of([str(path) for path in images[image_id]])}; keep one"
        for image_id, (_, where) in ids.items()
        if _jpg(image_id) not in images.get(image_id, ()) and len(images.get(image_id, ())) > 1
    ]
    source = str(_MASKS) if any(record.mask for record in records) else ""
    names = tuple(dataset.classes) or _default_classes(records)
    return Listing(root, records, names, source, problems)


def masks(dataset: Dataset, root: Path, split: str) -> dict[str, DrawMask]:
    """Return functions that read the label maps (H, W) uint8 that only `augment` has, by image id.

    Raises:
        UserError: a list cannot be read, `augment` holds no masks, or masks it lists are missing.
    """
    _refuse_archive(dataset)
    files = mask_files(dataset, root, split)
    missing = [str(path) for path in files.values() if not is_file(path)]
    if missing:
        raise UserError(
            f"dataset.augment: {len(missing)} of {len(files)} masks are missing; "
            f"copy or unpack it again: {first_of(missing)}"
        )
    classes = len(outline(dataset, root).names)
    images = _image_files(root)
    return {
        i: partial(_drawn, path, root / _image(i, images), classes) for i, path in files.items()
    }


def _drawn(path: Path, image: Path, num_classes: int) -> np.ndarray:
    """Read the label map (H, W) uint8 of an image from `augment`."""
    labels = sbd.read_mask(path)
    wrong = mask_problem(labels, image_size(image), num_classes)
    if wrong:
        raise UserError(f"{path}: {wrong}")
    return labels


def mask_files(dataset: Dataset, root: Path, split: str) -> dict[str, Path]:
    """Mask files of `augment` for images without a mask in VOC, by image id.

    Raises:
        UserError: a list cannot be read, or `augment` holds no masks.
    """
    if not dataset.augment:
        return {}
    files = sbd.find(Path(dataset.augment)).files
    records = [r for r in outline(dataset, root).records if r.split == split and not r.mask]
    return {r.image.stem: files[r.image.stem] for r in records if r.image.stem in files}


def _refuse_archive(dataset: Dataset) -> None:
    if fetched_augment(dataset):
        raise UserError(
            f"dataset.augment: {dataset.augment or 'SBD'} is not unpacked yet; "
            "run wsss fetch-data and name the folder with --augment"
        )


def _list_path(root: Path, split: str) -> Path:
    return root / _LISTS / f"{split}.txt"


def _ids(dataset: Dataset, root: Path, problems: list[str]) -> dict[str, tuple[str, str]]:
    """Map every listed id to its split and its place in the list."""
    ids: dict[str, tuple[str, str]] = {}
    for ours, theirs in dataset.splits.items():
        derived = _derived(dataset, root, theirs, problems)
        lines = _lines(root, theirs) if derived is None else derived
        name = f"{theirs}.txt" if derived is None else f"{theirs} (derived)"
        for number, line in enumerate(lines, start=1):
            image_id, where = line.strip(), f"{name}:{number}"
            if image_id in ids:
                problems.append(f"{where}: {image_id} is already listed in {ids[image_id][1]}")
            elif image_id and len(Path(image_id).parts) > 1:
                problems.append(f"{where}: {image_id!r} is not a bare image id")
            elif image_id:
                ids[image_id] = (ours, where)
    return ids


def _lines(root: Path, split: str) -> list[str]:
    path = _list_path(root, split)
    try:
        return regular(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        inner = [p for p in (root / "VOCdevkit/VOC2012", root / "VOC2012") if (p / _LISTS).is_dir()]
        remedy = f"is dataset.root {inner[0]}?" if inner else "one id per line"
        if split == TRAIN_AUG:
            remedy += "; to derive it, name SBD or SegmentationClassAug in dataset.augment"
        raise UserError(f"{path}: cannot be read ({error}); {remedy}") from error


def _derived(dataset: Dataset, root: Path, split: str, problems: list[str]) -> list[str] | None:
    """Ids of train_aug, if it has to be derived from `augment`; else None."""
    if split != TRAIN_AUG or not dataset.augment or _list_path(root, split).is_file():
        return None
    train, val = ({*"\n".join(_lines(root, name)).split()} for name in ("train", "val"))
    if fetched_augment(dataset):
        more = set(_image_files(root))
    else:
        more = set(sbd.find(Path(dataset.augment)).files)
        count, expected = len((train | more) - val), _OFFICIAL.get(len(train))
        if expected not in (None, count):
            problems.append(
                f"train_aug has {count} images instead of {expected}: {dataset.augment} is not "
                f"whole; unpack it again, or put your own {TRAIN_AUG}.txt into {root / _LISTS}"
            )
    return sorted((train | more) - val)


def _image_files(root: Path) -> dict[str, list[Path]]:
    """Return the image files by image id, relative to the root, sorted."""
    found: dict[str, list[Path]] = {}
    folder = root / _IMAGES
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() in SUFFIXES:
            found.setdefault(path.stem, []).append(_IMAGES / path.name)
    return found


def _jpg(image_id: str) -> Path:
    """Return VOC's own name of an image."""
    return _IMAGES / f"{image_id}.jpg"


def _image(image_id: str, files: Mapping[str, Sequence[Path]]) -> Path:
    """Return the file of an image: VOC's own, else that of another ending."""
    own, found = _jpg(image_id), files.get(image_id, ())
    return own if own in found or not found else found[0]


def _record(root: Path, image: Path, split: str, listed: str, labels: Labels | None) -> Record:
    """Make the record of an image; `labels` is None if they are in XML files."""
    image_id = image.stem
    names, where = (labels or {}).get(image_id, ((), listed))
    mask, annotation = _MASKS / f"{image_id}.png", _XML / f"{image_id}.xml"
    return Record(
        image=image,
        split=split,
        labels=names,
        mask=mask if is_file(root / mask) else None,
        where=where,
        annotation=annotation if labels is None else None,
    )


def _table_labels(table: Path, problems: list[str]) -> Labels:
    rows, malformed = read_table(table, ("image", "labels"))
    problems.extend(malformed)
    labels: Labels = {}
    for row in rows:
        image_id, where = _image_id(row.fields["image"]), f"{table.name}:{row.line}"
        if image_id in labels:
            problems.append(f"{where}: {image_id} is already labelled in {labels[image_id][1]}")
        labels[image_id] = (split_labels(row.fields["labels"]), where)
    return labels


def _image_id(image: str) -> str:
    path = PureWindowsPath(image)
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def _with_labels(record: Record, dataset: Dataset, listing: Listing) -> Record:
    """Add the labels of its XML file to a record; problems are added to the listing."""
    if record.annotation is None:
        return record
    objects: set[str] = set()
    named: set[str] = set()
    try:
        tree = ElementTree.parse(regular(listing.root / record.annotation))
        objects, named = _texts(tree.iterfind("object/name")), _texts(tree.iter("name"))
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        # a missing image is reported by the check
        if is_file(listing.root / record.image):
            listing.problems.append(f"{record.annotation}: cannot be read ({error})")
    listed = dataset.classes or VOC_CLASSES
    also = " and not in dataset.classes" if dataset.classes else ""
    known = {*dataset.classes, *VOC_CLASSES, NO_CLASS}
    listing.problems.extend(
        f"{record.annotation}: {name!a} is no class of VOC{also}; "
        + (suggestion(name, listed) or "list your classes in dataset.classes")
        for name in sorted(objects - known)
    )
    shown = tuple(name for name in dataset.classes or VOC_CLASSES if name in named)
    return replace(record, labels=shown or (NO_CLASS,))


def _texts(elements: Iterable[ElementTree.Element]) -> set[str]:
    return {cleaned(element.text or "") for element in elements}


def _default_classes(records: Sequence[Record]) -> tuple[str, ...] | None:
    return VOC_CLASSES if training_labels(records) - {NO_CLASS} <= set(VOC_CLASSES) else None


def _drawn_from(dataset: Dataset, root: Path, split: str) -> list[Path]:
    return list(mask_files(dataset, root, split).values())


def _tables(dataset: Dataset, root: Path) -> list[Path]:
    lists = [_list_path(root, theirs) for theirs in dataset.splits.values()]
    return [root / dataset.labels, *lists]


def _sizes(dataset: Dataset) -> dict[str, int]:
    named = dataset.splits.items()
    return {ours: _SIZES[theirs] for ours, theirs in named if theirs in _SIZES}


SOURCE = Source(
    read,
    outline,
    masks,
    drawn_from=_drawn_from,
    parsed_tables=_tables,
    known_sizes=_sizes,
)
