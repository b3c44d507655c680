"""CVAT's archive "Segmentation mask 1.1", for upload as annotations of a task or project.

Source: CVAT's documentation of the format, https://docs.cvat.ai (Segmentation Mask). CVAT matches
masks with frames by the file name of the image without suffix.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wsss.data.taxonomy import NO_CLASS
from wsss.errors import UserError
from wsss.export.archive import write_zip
from wsss.export.index import png
from wsss.export.label_maps import LabelMaps
from wsss.io.labels import IGNORE, palette
from wsss.io.progress import log


def write(label_maps: LabelMaps, out: Path) -> None:
    """Write the archive: colours by `labelmap.txt`, one object per class and image.

    CVAT has no ignored pixels; they become background.

    Raises:
        UserError: a label map is damaged, a name cannot be written in this format, or `out` is not
            a zip or cannot be written.
    """
    if out.suffix != ".zip":
        raise UserError(f"{out}: CVAT takes a zip; name a file that ends in .zip")
    for name in label_maps.class_names:
        if ":" in name or not _fits(name):
            raise UserError(f"class {name!r}: not possible in CVAT's labelmap.txt; rename it")
    for item in label_maps.items:
        if not _fits(item.stem):
            raise UserError(f"image {item.file!r}: not possible in CVAT's list; rename the image")
    write_zip(out, _members(label_maps))


def _fits(name: str) -> bool:
    """True if CVAT reads the name from a line unchanged: it strips lines, # starts comments."""
    return name == name.strip() and len(name.splitlines()) == 1 and not name.startswith("#")


def _members(label_maps: LabelMaps) -> Iterator[tuple[str, bytes]]:
    yield "labelmap.txt", _labelmap(label_maps.class_names).encode()
    stems = [item.stem for item in label_maps.items]
    yield "ImageSets/Segmentation/default.txt", "".join(f"{s}\n" for s in stems).encode()
    ignored = 0
    for item, labels in label_maps:
        ignored += bool((labels == IGNORE).any())
        known = np.where(labels == IGNORE, 0, labels)
        yield f"SegmentationClass/{item.stem}.png", png(palette()[known])
        yield f"SegmentationObject/{item.stem}.png", png(palette()[_objects(known)])
    if ignored:
        log.warning("masks with ignored pixels, which became background: %d", ignored)


def _labelmap(class_names: tuple[str, ...]) -> str:
    """Format one line per label: name, colour, parts (none), actions (none)."""
    rows = [
        f"{name}:{','.join(map(str, colour))}::\n"
        for name, colour in zip((NO_CLASS, *class_names), palette().tolist(), strict=False)
    ]
    return "# label:color_rgb:parts:actions\n" + "".join(rows)


def _objects(labels: np.ndarray) -> np.ndarray:
    """Number the classes present in (H, W) as objects 1, 2, ...; 0 is the background."""
    present = np.bincount(labels.ravel(), minlength=256) > 0
    present[0] = False
    objects: np.ndarray = (present * present.cumsum())[labels]
    return objects
