"""Photographs with their masks painted on, to look at."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from wsss.data.taxonomy import NO_CLASS
from wsss.errors import UserError
from wsss.export.archive import write_files
from wsss.export.label_maps import REMEDY, LabelMaps
from wsss.io.images import LARGEST, read_image

Paint = Callable[[np.ndarray, np.ndarray, Sequence[str]], bytes]
"""Function that paints labels (H, W) on an image (H, W, 3) with the names of the labels; JPEG."""


def write(label_maps: LabelMaps, out: Path, paint: Paint) -> None:
    """Write `<image id>.jpg` into a folder, or a zip or tar by the suffix of `out`.

    Raises:
        UserError: an image is not known, a label map is damaged, or `out` cannot be written.
    """
    write_files(out, _members(label_maps, paint))


def _members(label_maps: LabelMaps, paint: Paint) -> Iterator[tuple[str, bytes]]:
    names = (NO_CLASS, *label_maps.class_names)
    for item, labels in label_maps:
        if item.path is None:
            raise UserError(f"overlay: the image of {item.image_id} is not known; {REMEDY}")
        image = read_image(item.path, LARGEST, item.white)
        yield f"{item.image_id}.jpg", paint(labels, image, names)
