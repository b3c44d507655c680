"""Corrected masks: a folder with what one annotation tool has written about some of the images.

    SegmentationClass/<image>.png   colours of a `labelmap.txt` beside the folder: CVAT, datumaro
    <tasks>.json                    annotated tasks of Label Studio, exported as JSON
    <image>.json                    polygons of LabelMe
    <instances>.json                COCO
    labels/<image>.txt              polygons of YOLO, with the names of the classes in a YAML file
    <image>.png                     ids: 0 is the background, 1, 2, ... the classes, 255 ignored

<image> is the path of an image without suffix below the common folder of all, as `wsss export`
names it, its name alone, or its id. Images that the folder does not name are not corrected.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from wsss.data.corrections import coco, labelme, yolo
from wsss.data.corrections.images import Images
from wsss.data.sources import brushes, labelmap
from wsss.data.sources.base import DrawMask
from wsss.errors import UserError, first_of
from wsss.io.images import image_size
from wsss.io.index import Item
from wsss.io.labels import mask_problem, read_labels

Found = Iterator[tuple[str, DrawMask]]
"""Image ids and functions that draw the label maps (H, W) uint8."""


@dataclass(frozen=True)
class Corrections:
    """Corrected masks of some images.

    Attributes:
        masks: function that draws the label map (H, W) uint8, by image id.
        tool: tool that they come from.
    """

    masks: Mapping[str, DrawMask]
    tool: str


def find_corrections(
    folder: Path, items: Sequence[Item], class_names: Sequence[str]
) -> Corrections:
    """Find the corrected masks in a folder; those of one tool.

    Args:
        folder: the folder, with folders in it.
        items: images that may be corrected.
        class_names: the classes in the order of their ids.

    Raises:
        UserError: there is no folder or no mask in it, there are masks of several tools, or a file
            is damaged, fits no image, or the image of another file, or has unknown classes.
    """
    if not folder.is_dir():
        place = "" if folder.is_absolute() else f"; it is relative to {Path.cwd()}"
        raise UserError(f"segment.corrected: {folder} is not a folder{place}")
    images = Images(items)
    for tool, files, read in _tools(folder):
        if files and (masks := _unique(read(files, images, class_names), folder)):
            return Corrections(masks, tool)
        if files:
            raise UserError(f"segment.corrected: the files of {tool} in {folder} have no mask")
    raise UserError(
        f"segment.corrected: no corrected mask in {folder}; put what the annotation tool has "
        "exported into it, or set segment.corrected to null"
    )


Read = Callable[[Sequence[Path], Images, Sequence[str]], Found]
"""Reader of the files of a tool."""


def _tools(folder: Path) -> Iterator[tuple[str, Sequence[Path], Read]]:
    """Yield every tool with its files in a folder, and their reader; plain PNGs are the last.

    Raises:
        UserError: there are files of several tools.
    """
    maps, tables = _below(folder, labelmap.FILE), yolo.tables(_below(folder, "*.y*ml"))
    documents: dict[str, list[Path]] = {"shapes": [], "annotations": [], "": []}
    for path in _below(folder, "*.json"):
        keys = labelme.read(path).keys()
        documents[next((key for key in documents if key in keys), "")].append(path)
    found: list[tuple[str, Sequence[Path], Read]] = [
        ("CVAT", maps, _coloured),
        ("YOLO", tables, yolo.find),
        ("COCO", documents["annotations"], coco.find),
        ("Label Studio", documents[""], _brushed),
        ("LabelMe", documents["shapes"], partial(labelme.find, folder)),
    ]
    several = [tool for tool, files, _ in found if files]
    if len(several) > 1:
        raise UserError(
            f"segment.corrected: {folder} holds masks of {' and '.join(several)}; keep those of one"
        )
    yield from found
    yield "PNGs of ids", _below(folder, "*.png"), partial(_numbered, folder)


def _below(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if path.is_file())


def _unique(found: Found, folder: Path) -> dict[str, DrawMask]:
    """Return the masks by image id.

    Raises:
        UserError: an image has two of them.
    """
    masks: dict[str, DrawMask] = {}
    for image_id, draw in found:
        if image_id in masks:
            raise UserError(f"{folder}: two masks of image {image_id}; keep one")
        masks[image_id] = draw
    return masks


def _coloured(files: Sequence[Path], images: Images, class_names: Sequence[str]) -> Found:
    for file in files:
        table = labelmap.label_table(labelmap.read_labelmap(file), class_names, file)
        masks = file.parent / "SegmentationClass"
        for path in _below(masks, "*.png"):
            item = images.of(path, masks)
            yield item.image_id, partial(labelmap.draw, path, table, item.image)


def _brushed(files: Sequence[Path], images: Images, class_names: Sequence[str]) -> Found:
    ids = {item.image: item.image_id for item in images.items}
    for file in files:
        tasks = brushes.matched(brushes.read_tasks(file), list(ids), file)
        for image, task in tasks.items():
            yield ids[image], partial(brushes.draw, task, class_names, image, file)


def _numbered(
    folder: Path, files: Sequence[Path], images: Images, class_names: Sequence[str]
) -> Found:
    for path in files:
        item = images.of(path, folder)
        yield item.image_id, partial(_read_ids, path, item, class_names)


def _read_ids(path: Path, item: Item, class_names: Sequence[str]) -> np.ndarray:
    """Read a label map (H, W) uint8.

    Raises:
        UserError: the file cannot be read, or is of another size or other classes.
    """
    labels = read_labels(path)
    if wrong := mask_problem(labels, image_size(item.image), len(class_names)):
        raise UserError(f"{path}: {wrong}; the classes are {first_of(class_names)}")
    return labels
