"""MS-COCO JSON with run-length masks, one annotation per image and class.

All objects of a class in an image form one annotation: image labels do not separate instances.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pycocotools import mask as rle

from wsss.errors import UserError
from wsss.export.archive import refuse_folder
from wsss.export.label_maps import REMEDY, LabelMaps
from wsss.io.atomic import write_text
from wsss.io.labels import IGNORE
from wsss.io.progress import log

_Image = tuple[int, tuple[int | None, int | None]]
"""Id and (H, W) of an image of the ground truth; None where the size is not given."""


def write(label_maps: LabelMaps, out: Path, truth: Path | None = None) -> None:
    """Write a data set for `pycocotools.coco.COCO`, or results for its `loadRes`.

    The category id of a class is its label. Ignored pixels belong to no annotation.

    Args:
        label_maps: the label maps.
        out: JSON file.
        truth: ground truth in COCO format. If given, `out` becomes a list of results with score 1
            and the ids of `truth`; images are matched by file name, categories by name.

    Raises:
        UserError: a label map is damaged, `truth` lacks an image or a class, or `out` cannot be
            written.
    """
    refuse_folder(out)
    if label_maps.items[0].path is None:
        log.warning("file names are the image ids, without suffix; %s", REMEDY)
    document: object = _dataset(label_maps) if truth is None else _results(label_maps, truth)
    write_text(out, json.dumps(document, ensure_ascii=False) + "\n")


def _dataset(label_maps: LabelMaps) -> dict[str, Any]:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    # (H, W) labels -> one annotation per class
    for number, (item, labels) in enumerate(label_maps, 1):
        height, width = labels.shape
        size = {"width": width, "height": height}
        images.append({"id": number, "file_name": item.file, **size})
        for label, region in _regions(labels):
            annotations.append(annotation(len(annotations) + 1, number, label, region))
    return {
        "images": images,
        "annotations": annotations,
        "categories": categories(label_maps.class_names),
    }


def annotation(number: int, image: int, category: int, region: dict[str, Any]) -> dict[str, Any]:
    """Return the annotation of a region that `run_lengths` has encoded."""
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": region,
        "area": int(rle.area(region)),
        "bbox": rle.toBbox(region).tolist(),
        "iscrowd": 0,
    }


def categories(class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the categories of foreground classes; class c has id c + 1."""
    return [
        {"id": label, "name": name, "supercategory": ""}
        for label, name in enumerate(class_names, 1)
    ]


def run_lengths(mask: np.ndarray) -> dict[str, Any]:
    """Encode a mask (H, W) bool as compressed run lengths."""
    region = rle.encode(np.asfortranarray(mask, np.uint8))
    return {**region, "counts": region["counts"].decode("ascii")}


def _results(label_maps: LabelMaps, truth: Path) -> list[dict[str, Any]]:
    images, ids = _ids(truth)
    # match images and classes with the ground truth
    matched: dict[_Image, None] = {}
    for item in label_maps.items:
        match = images.get(item.stem, images.get(Path(item.stem).name))
        if match is None or match in matched:
            raise UserError(
                f"{truth}: has no image of its own for {item.file}; file names must agree"
            )
        matched[match] = None
    missing = [name for name in label_maps.class_names if name not in ids]
    if missing:
        raise UserError(f"{truth}: has no category {missing[0]!r}; these are other classes")
    # one result per image and class
    found: list[dict[str, Any]] = []
    for (image, size), (item, labels) in zip(matched, label_maps, strict=True):
        if size not in (labels.shape, (None, None)):
            raise UserError(f"{truth}: {item.file} is {size} there, its mask {labels.shape}")
        found += [
            {
                "image_id": image,
                "category_id": ids[label_maps.class_names[label - 1]],
                "segmentation": region,
                "score": 1.0,
            }
            for label, region in _regions(labels)
        ]
    if not found:
        log.warning("no mask shows a class: the results are empty")
    return found


def _regions(labels: np.ndarray) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each foreground label in (H, W) with its region as compressed run lengths."""
    for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=IGNORE)[:IGNORE]).tolist():
        if label:
            yield label, run_lengths(labels == label)


def _ids(truth: Path) -> tuple[Mapping[str, _Image], Mapping[str, int]]:
    """Read the images by file name without suffix, and the ids of categories by name.

    Images are also found without their folder, unless another folder has the same file name.
    """
    try:
        document = json.loads(truth.read_text(encoding="utf-8"))
        files = {
            PurePosixPath(i["file_name"]): (i["id"], (i.get("height"), i.get("width")))
            for i in document["images"]
        }
        categories = {kind["name"]: kind["id"] for kind in document["categories"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{truth}: cannot be read as COCO annotations ({error!r})") from error
    bare = Counter(file.stem for file in files)
    images = {file.stem: number for file, number in files.items() if bare[file.stem] == 1}
    return images | {str(f.with_suffix("")): number for f, number in files.items()}, categories
