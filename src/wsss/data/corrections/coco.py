"""Regions in COCO's JSON, as CVAT, Roboflow and `wsss export coco` write them.

Every image that the file lists is corrected; without annotations it is background alone. What
is marked as a crowd is an object: tools mark what is painted with a brush. Smaller regions are in
front.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from wsss.data.corrections.images import Images, class_ids
from wsss.data.sources import regions
from wsss.data.sources.base import DrawMask
from wsss.data.sources.instances import Annotation, load
from wsss.errors import UserError, first_of
from wsss.io.images import image_size


def find(
    files: Sequence[Path], images: Images, class_names: Sequence[str]
) -> Iterator[tuple[str, DrawMask]]:
    """Yield the ids of images and the functions that draw their label maps.

    Args:
        files: the JSON files.
        images: images that may be corrected.
        class_names: the classes in the order of their ids.

    Raises:
        UserError: a file is damaged, a category no class, or an image no training image.
    """
    known = class_ids(class_names)
    for file in files:
        found = load(file, regions=True)
        used = {number for shown in found.shown.values() for number in shown}
        strange = [found.names[number] for number in used if found.names.get(number) not in known]
        if found.problems or strange:
            what = (
                f"{strange[0]!r} is no class; they are {first_of(class_names)}" if strange else ""
            )
            raise UserError(f"{file}: {what or found.problems[0]}")
        labels = {number: known[name] for number, name in found.names.items() if name in known}
        for number, picture in found.pictures.items():
            item = images.of(file.parent / picture.file_name, file.parent)
            shapes = found.annotations.get(number, [])
            yield item.image_id, partial(draw, shapes, labels, item.image, file)


def draw(
    annotations: Sequence[Annotation], labels: dict[int, int], image: Path, path: Path
) -> np.ndarray:
    """Draw the label map (H, W) uint8 of an image.

    Args:
        annotations: those of the image.
        labels: label of every category.
        image: the image.
        path: the JSON file, for messages.

    Raises:
        UserError: a region is missing, damaged or of another size.
    """
    size = image_size(image)
    for one in annotations:
        if wrong := regions.problem(one.segmentation, size):
            raise UserError(f"{path}: annotation {one.id} of {image.name} {wrong}")
    found = [regions.Region(labels[a.category_id], False, a.segmentation) for a in annotations]
    return regions.draw(found, size)
