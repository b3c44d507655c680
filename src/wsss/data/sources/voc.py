"""A folder in the layout of PASCAL VOC.

    ImageSets/Segmentation/<split>.txt    one image id per line
    JPEGImages/<id>.jpg                   the images
    labels.csv or Annotations/<id>.xml    the labels; the table wins if both are there
    SegmentationClass/<id>.png            masks for evaluation; any or all may be missing

The table has the columns `image` (path or id) and `labels` as in `wsss.data.sources.csv`. Of the
XML files every element `name` that is a class counts, also objects marked difficult; that is how
the image-level labels of the WSSS literature were made (jiwoon-ahn/psa, `cls_labels.npy`).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from wsss.config.dataset import Dataset
from wsss.data.sources.csv import read_table, split_labels
from wsss.data.sources.listing import Listing, Record
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

    The classes are `dataset.classes`, else the 20 of VOC if all labels are among them, else the
    sorted names of the labels.

    Raises:
        UserError: if a list or the table of labels cannot be read.
    """
    problems: list[str] = []
    ids = _ids(dataset, root, problems)
    table = root / dataset.labels
    if table.is_file():
        labels = _table_labels(table, problems)
    else:
        labels = _xml_labels(root, ids, dataset.classes or VOC_CLASSES, problems)
    records = [_record(root, image_id, *place, labels) for image_id, place in ids.items()]
    source = str(_MASKS) if any(record.mask for record in records) else ""
    names = tuple(dataset.classes) or _default_classes(records)
    return Listing(root, tuple(records), names, source, problems)


def inputs(dataset: Dataset, root: Path) -> tuple[list[Path], list[Path]]:
    """Name the existing files the listing depends on: lists, labels and images, and masks."""
    ids = _ids(dataset, root, [])
    lists = [_list_path(root, theirs) for theirs in dataset.splits.values()]
    table = root / dataset.labels
    labels = [table] if table.is_file() else [root / _XML / f"{i}.xml" for i in ids]
    images = [root / _IMAGES / f"{i}.jpg" for i in ids]
    masks = [root / _MASKS / f"{i}.png" for i in ids]
    existing = [path for path in [*lists, *labels, *images] if path.is_file()]
    return existing, [path for path in masks if path.is_file()]


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


def _record(root: Path, image_id: str, split: str, listed: str, labels: Labels) -> Record:
    names, where = labels.get(image_id, ((), listed))
    mask = _MASKS / f"{image_id}.png"
    found = mask if (root / mask).is_file() else None
    return Record(_IMAGES / f"{image_id}.jpg", split, names, found, where)


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


def _xml_labels(
    root: Path, ids: Iterable[str], classes: Sequence[str], problems: list[str]
) -> Labels:
    if not (root / _XML).is_dir():
        raise UserError(f"{root}: neither a table of labels nor the folder {_XML}")
    labels: Labels = {}
    for image_id in ids:
        path = root / _XML / f"{image_id}.xml"
        where = str(path.relative_to(root))
        try:
            named = {element.text for element in ElementTree.parse(path).iter("name")}
        except (OSError, ElementTree.ParseError) as error:
            problems.append(f"{where}: no labels for {image_id} ({error})")
            named = {NO_CLASS}
        shown = tuple(name for name in classes if name in named)
        labels[image_id] = (shown or (NO_CLASS,), where)
    return labels


def _default_classes(records: list[Record]) -> tuple[str, ...] | None:
    names = {name for record in records for name in record.labels} - {NO_CLASS}
    return VOC_CLASSES if names <= set(VOC_CLASSES) else None
