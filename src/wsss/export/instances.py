"""MS-COCO JSON with run-length masks, one annotation per object."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from wsss.export.archive import refuse_folder
from wsss.export.coco import annotation, categories, run_lengths
from wsss.io.atomic import write_text
from wsss.ops.instances import Instance

Objects = tuple[str, tuple[int, int], Sequence[tuple[int, Instance]]]
"""File name and (H, W) of an image, and its objects, each behind the number of its class."""


def write(found: Iterable[Objects], class_names: Sequence[str], out: Path) -> int:
    """Write a data set for `pycocotools.coco.COCO`, whose annotations have a score, too.

    The category id of a class is its label.

    Args:
        found: images and their objects.
        class_names: names of the foreground classes.
        out: JSON file.

    Returns:
        The number of objects.

    Raises:
        UserError: `out` cannot be written.
    """
    refuse_folder(out)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (file, (height, width), objects) in enumerate(found, 1):
        images.append({"id": number, "file_name": file, "width": width, "height": height})
        for label, one in objects:
            region = run_lengths(one.mask)
            described = annotation(len(annotations) + 1, number, label + 1, region)
            annotations.append(described | {"score": one.score})
    document = {"images": images, "annotations": annotations, "categories": categories(class_names)}
    write_text(out, json.dumps(document, ensure_ascii=False) + "\n")
    return len(annotations)
