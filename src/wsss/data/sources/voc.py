"""A folder in the layout of PASCAL VOC.

    ImageSets/Segmentation/<split>.txt    one image id per line
    JPEGImages/<id>.jpg                   the images
    labels.csv or Annotations/<id>.xml    the labels; the table wins if both are there
    SegmentationClass/<id>.png            masks for evaluation; any or all may be missing

The table has the columns `image` (path or id) and `labels` as in `wsss.data.sources.csv`. Of the
XML files every element `name` that is a class counts, also objects marked difficult; that is how
the image-level labels of the WSSS literature were made (jiwoon-ahn/psa, `cls_labels.npy`).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from wsss.config.dataset import Dataset
from wsss.data.sources.csv import read_table, split_labels
from wsss.data.sources.listing import Listing, Record, training_labels
from wsss.data.taxonomy import NO_CLASS, VOC_CLASSES
from wsss.errors import UserError

_LISTS = Path("ImageSets/Segmentation")
_IMAGES = Path("JPEGImages")
_XML = Path("Annotations")
_MASKS = Path("SegmentationClass")

Labels = dict[str, tuple[tuple[str, ...], str]]
"""image id -> names, and where they are written"""


def read(dataset: Dataset, root: Path) -> Listing:
    """List the images of a VOC folder.

    The classes are `dataset.classes`, else the 20 of VOC if all training labels are among them,
    else the sorted names of the training labels.

    Raises:
        UserError: if a list or the table of labels cannot be read.
    """
    listing = outline(dataset, root)
    if (root / dataset.labels).is_file():
        return listing
    if not (root / _XML).is_dir():
        raise UserError(f"{root}: neither a table of labels nor the folder {_XML}")
    classes = dataset.classes or VOC_CLASSES
    records = [_with_labels(record, root, classes, listing.problems) for record in listing.records]
    return replace(listing, records=tuple(records))


def outline(dataset: Dataset, root: Path) -> Listing:
    """List the images like `read`, but open no XML file; their images have no labels here.

    Raises:
        UserError: if a list or the table of labels cannot be read.
    """
    problems: list[str] = []
    ids = _ids(dataset, root, problems)
    table = root / dataset.labels
    labels = _table_labels(table, problems) if table.is_file() else None
    records = tuple(_record(root, image_id, *place, labels) for image_id, place in ids.items())
    source = str(_MASKS) if any(record.mask for record in records) else ""
    names = tuple(dataset.classes) or _default_classes(records)
    return Listing(root, records, names, source, problems)


def lists(dataset: Dataset, root: Path) -> list[Path]:
    """Name the lists of the splits."""
    return [_list_path(root, theirs) for theirs in dataset.splits.values()]


def _list_path(root: Path, split: str) -> Path:
    return root / _LISTS / f"{split}.txt"


def _ids(dataset: Dataset, root: Path, problems: list[str]) -> dict[str, tuple[str, str]]:
    """Map every listed id to its split and to where it is listed."""
    ids: dict[str, tuple[str, str]] = {}
    for ours, theirs in dataset.splits.items():
        path = _list_path(root, theirs)
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read ({error}); one id per line") from error
        for number, line in enumerate(lines, start=1):
            image_id, where = line.strip(), f"{path.name}:{number}"
            if image_id in ids:
                problems.append(f"{where}: {image_id} is already listed in {ids[image_id][1]}")
            elif image_id and len(Path(image_id).parts) > 1:
                problems.append(f"{where}: {image_id!r} is not a bare image id")
            elif image_id:
                ids[image_id] = (ours, where)
    return ids


def _record(root: Path, image_id: str, split: str, listed: str, labels: Labels | None) -> Record:
    """Return the record of an image; without a table, `labels` is None and XML has them."""
    names, where = (labels or {}).get(image_id, ((), listed))
    mask, annotation = _MASKS / f"{image_id}.png", _XML / f"{image_id}.xml"
    return Record(
        image=_IMAGES / f"{image_id}.jpg",
        split=split,
        labels=names,
        mask=mask if (root / mask).is_file() else None,
        where=where if labels is not None else str(annotation),
        annotation=annotation if labels is None else None,
    )


def _table_labels(table: Path, problems: list[str]) -> Labels:
    rows, malformed = read_table(table, ("image", "labels"))
    problems.extend(malformed)
    labels: Labels = {}
    for row in rows:
        image_id, where = _image_id(row.fields["image"]), f"{table.name}:{row.line}"
        if image_id in labels:
            problems.append(f"{where}: {image_id} stands in {labels[image_id][1]} too")
        labels[image_id] = (split_labels(row.fields["labels"]), where)
    return labels


def _image_id(image: str) -> str:
    return Path(image).name.removesuffix(".jpg")


def _with_labels(record: Record, root: Path, classes: Sequence[str], problems: list[str]) -> Record:
    """Return a record with the labels of its XML file."""
    try:
        named = {e.text for e in ElementTree.parse(root / record.annotation).iter("name")}
    except (OSError, ElementTree.ParseError) as error:
        problems.append(f"{record.where}: no labels for {record.image.stem} ({error})")
        named = set()
    shown = tuple(name for name in classes if name in named)
    return replace(record, labels=shown or (NO_CLASS,))


def _default_classes(records: Sequence[Record]) -> tuple[str, ...] | None:
    return VOC_CLASSES if training_labels(records) - {NO_CLASS} <= set(VOC_CLASSES) else None
