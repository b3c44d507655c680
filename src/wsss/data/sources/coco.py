"""MS-COCO 2014, and any folder with annotations in its JSON format.

    annotations/instances_train2014.json    labels and regions of a split
    train2014/<file_name>                   its images

`dataset.coco` names both for every split. Crowds count as labels of their image. An image without
annotations has the label `background`, as a negative example for the classifier. The categories
become classes in the order of their ids (80 classes of the ids 1..90 of MS-COCO, which have gaps);
`dataset.classes` selects and orders them.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.data.sources import regions
from wsss.data.sources.base import DrawMask, Source
from wsss.data.sources.instances import Annotation, Instances, Picture, load
from wsss.data.sources.listing import Listing, Record, image_ids
from wsss.data.taxonomy import COCO_CATEGORIES, NO_CLASS
from wsss.errors import UserError, raise_problems
from wsss.io.images import image_size
from wsss.io.progress import log
from wsss.names import suggestion


@dataclass(frozen=True)
class _Part:
    """One split: its wsss name, its JSON file and folder as configured, the content of the file."""

    split: str
    table: str
    images: str
    found: Instances


def read(dataset: Dataset, root: Path) -> Listing:
    """List the images of all splits.

    Raises:
        UserError: a file or folder is missing, or a file is no instances file.
    """
    parts = _parts(dataset, root)
    classes = _classes(dataset, parts)
    records = [record for part in parts for _, record in _records(part, classes)]
    for part in parts:
        _log(part, records)
    drawn = [part.table for part in parts if part.found.has_regions]
    crowds = "objects" if dataset.coco.crowds == "objects" else "ignored"
    source = f"regions in {', '.join(drawn)}; crowds {crowds}" if drawn else ""
    problems = [*_problems(dataset, parts), *_crowd_lines(dataset, parts, most=True)]
    warnings = list(_crowd_lines(dataset, parts, most=False))
    return Listing(root, tuple(records), tuple(classes), source, problems, warnings=warnings)


def outline(dataset: Dataset, root: Path) -> Listing:
    """List the files in the folders of images, without labels; no instances file is opened.

    `read` depends on these and the instances files alone.

    Raises:
        UserError: a folder or the configuration of a split is missing.
    """
    records = [
        Record(Path(images, file), split, (), None, table)
        for split, table, images in _places(dataset, root)
        for file in _files(root / images)
    ]
    return Listing(root, tuple(records))


def masks(dataset: Dataset, root: Path, split: str) -> dict[str, DrawMask]:
    """Return functions that draw the label maps (H, W) uint8 of a split, by image id.

    Images without annotations are background; an image with an annotation without region has no
    mask. Without any region in the split there are no masks. Categories that are no classes count
    as background. See `regions.draw` for overlaps.

    Raises:
        UserError: as `read`; or for every region that cannot be drawn.
    """
    # images of the split whose annotations all have regions
    parts = _parts(dataset, root, drawn=split)
    classes = _classes(dataset, parts)
    pairs = [(part, *pair) for part in parts for pair in _records(part, classes)]
    ids = image_ids([record.image for *_, record in pairs])
    chosen = [
        (image_id, part, picture)
        for image_id, (part, picture, _) in zip(ids, pairs, strict=True)
        if part.split == split and part.found.has_regions and _complete(part, picture)
    ]
    log.info("%d images of %s have regions to draw", len(chosen), split)
    found = [*_problems(dataset, parts), *_crowd_lines(dataset, parts, most=True)]
    problems = [*found, *_region_problems(chosen, root)]
    raise_problems(f"the regions of {root}", problems)
    # mask ids are 1, 2, ... in the order of the classes
    labels = {name: number for number, name in enumerate(classes, start=1)}
    objects = dataset.coco.crowds == "objects"
    return {
        image_id: partial(regions.draw, _regions(part, picture, labels, objects), picture.size)
        for image_id, part, picture in chosen
        if picture.size is not None
    }


def _places(dataset: Dataset, root: Path) -> Iterator[tuple[str, str, str]]:
    """Yield every split with its instances file and folder, both relative to the root."""
    named = dataset.coco.annotations
    if len({named.get(split) for split in dataset.splits}) < len(dataset.splits):
        raise UserError("dataset.coco.annotations: name a file of its own for every split")
    for split in dataset.splits:
        if split not in named or split not in dataset.coco.images:
            raise UserError(f"dataset.coco: annotations and images must name the split {split}")
        folder = root / dataset.coco.images[split]
        if not folder.is_dir():
            raise UserError(f"dataset.coco.images.{split}: {folder} is not a folder")
        yield split, named[split], dataset.coco.images[split]


def _parts(dataset: Dataset, root: Path, drawn: str | None = None) -> list[_Part]:
    return [
        _Part(split, table, images, load(root / table, root / images, split == drawn))
        for split, table, images in _places(dataset, root)
    ]


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, relative to it, in a fixed order."""
    for path, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(path, name).relative_to(folder) for name in sorted(files))


def _classes(dataset: Dataset, parts: list[_Part]) -> list[str]:
    named = _training(parts).found.names.values()
    return list(dataset.classes) or [name for name in named if name != NO_CLASS]


def _training(parts: list[_Part]) -> _Part:
    """The training split, which defines the categories."""
    return next(part for part in parts if part.split == "train")


def _records(part: _Part, classes: list[str]) -> Iterator[tuple[Picture, Record]]:
    names = {key: name for key, name in part.found.names.items() if name in set(classes)}
    for picture in part.found.pictures.values():
        shown = part.found.shown.get(picture.id, ())
        labels = tuple(name for key, name in names.items() if key in shown) or (NO_CLASS,)
        where = f"{part.table}: image {picture.id}"
        image = Path(part.images, picture.file_name)
        yield picture, Record(image, part.split, labels, None, where)


def _problems(dataset: Dataset, parts: list[_Part]) -> list[str]:
    """Problems of the files, of their categories, and between the two splits."""
    training = _training(parts)
    found = [f"{part.table}: {line}" for part in parts for line in part.found.problems]
    # ids and names of categories
    official = {name: key for key, name in COCO_CATEGORIES.items()}
    for part in parts:
        ids = {name: key for key, name in part.found.names.items()}
        wrong = [n for n in ids if n in official and ids[n] != official[n]]
        if ids.keys() == official.keys() and wrong:
            found.append(
                f"{part.table}: categories: {wrong[0]!r} of MS-COCO's 80 classes has the id "
                f"{ids[wrong[0]]} instead of {official[wrong[0]]}; use the official ids 1..90"
            )
        if part.found.names.items() - training.found.names.items():
            found.append(f"{part.table}: other categories than in {training.table}; use the same")
    # configured classes
    for name in dataset.classes:
        if name not in training.found.names.values():
            close = suggestion(name, list(training.found.names.values()))
            hint = f"; {close}" if close else ""
            found.append(f"dataset.classes: {name!r} is no category of {training.table}{hint}")
    return found


def _crowd_lines(dataset: Dataset, parts: list[_Part], most: bool) -> Iterator[str]:
    """Yield the files with crowds that may be objects: those of which most regions are, or others.

    MS-COCO's own files have a few crowds, and mean it.
    """
    official = set(COCO_CATEGORIES.items())
    for part in parts if dataset.coco.crowds is None else ():
        found = part.found
        mostly = 2 * found.crowds > found.outlined
        if found.crowds and most == mostly and (mostly or found.names.items() - official):
            yield (
                f"{part.table}: {found.crowds} of {found.outlined} regions are marked as crowds "
                "(iscrowd: 1), whose pixels are ignored; CVAT and datumaro mark painted objects "
                "like this: set dataset.coco.crowds to objects, or to ignore if they are crowds"
            )


def _log(part: _Part, records: list[Record]) -> None:
    own = [record for record in records if record.split == part.split]
    none = sum(record.labels == (NO_CLASS,) for record in own)
    log.info("%s: %d images, %d of them show none of the classes", part.table, len(own), none)


def _complete(part: _Part, picture: Picture) -> bool:
    """True if every annotation of an image has a region."""
    annotations = part.found.annotations.get(picture.id, ())
    return all(annotation.segmentation is not None for annotation in annotations)


def _region_problems(chosen: list[tuple[str, _Part, Picture]], root: Path) -> Iterator[str]:
    for _, part, picture in chosen:
        where = f"{part.table}: image {picture.id}"
        wrong = _size_problem(picture, root / part.images / picture.file_name)
        if wrong or picture.size is None:
            yield f"{where}: {wrong}"
            continue
        for annotation in part.found.annotations.get(picture.id, ()):
            wrong = regions.problem(annotation.segmentation, picture.size)
            if wrong:
                yield f"{where}: the segmentation of annotation {annotation.id} {wrong}"


def _size_problem(picture: Picture, path: Path) -> str:
    """Problem of the size in an entry, which is that of its regions; "" = none."""
    if picture.size is None:
        return "no height and width"
    try:
        size = image_size(path)
    except UserError as error:
        return str(error)
    if picture.size != size:
        return (
            f"height and width are {list(picture.size)}, but {path} has {list(size)}; correct them"
        )
    return ""


def _regions(
    part: _Part, picture: Picture, labels: dict[str, int], objects: bool
) -> list[regions.Region]:
    def region(annotation: Annotation) -> regions.Region:
        label = labels.get(part.found.names[annotation.category_id], 0)
        return regions.Region(label, annotation.crowd and not objects, annotation.segmentation)

    found = map(region, part.found.annotations.get(picture.id, ()))
    return [each for each in found if each.label]


def _tables(dataset: Dataset, root: Path, split: str) -> list[Path]:
    """Files with the labels of a split; that of the training split has the classes."""
    named = dataset.coco.annotations
    return [root / named[key] for key in ("train", "val") if key in {"train", split} & named.keys()]


SOURCE = Source(read, outline, masks, masks_checked=True, drawn_from=_tables, hashed_tables=_tables)
