"""A data set for the segmentation of YOLO: images, polygons and `data.yaml`.

Source: Ultralytics' documentation of segmentation data sets, https://docs.ultralytics.com.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml

from wsss.errors import UserError
from wsss.export.archive import write_files
from wsss.export.label_maps import REMEDY, LabelMaps
from wsss.io.labels import IGNORE
from wsss.io.progress import log
from wsss.ops.polygons import trace

_NOTE = "# images to validate on are the same; name others\n"


def write(label_maps: LabelMaps, out: Path, tolerance: float = 0.0) -> None:
    """Write `images/<file>`, `labels/<image>.txt` and `data.yaml` into a folder, zip or tar.

    YOLO has no ignored pixels; they become background.

    Args:
        label_maps: the label maps.
        out: folder or archive.
        tolerance: largest distance, in pixels, of points that are left out, see `trace`.

    Raises:
        UserError: a label map is damaged, an image cannot be read, or `out` cannot be written.
    """
    if label_maps.items[0].path is None:
        log.warning("the images are not known and not copied; %s", REMEDY)
    write_files(out, _members(label_maps, tolerance))


def _members(label_maps: LabelMaps, tolerance: float) -> Iterator[tuple[str, bytes]]:
    about = {
        "train": "images",
        "val": "images",
        "names": dict(enumerate(label_maps.class_names)),
    }
    text = yaml.safe_dump(about, sort_keys=False, allow_unicode=True)
    yield "data.yaml", (_NOTE + text).encode()
    ignored = 0
    for item, labels in label_maps:
        ignored += bool((labels == IGNORE).any())
        present = np.unique(labels[(labels > 0) & (labels != IGNORE)]).tolist()
        lines = [
            _line(label, points, labels.shape)
            for label in present
            for points in trace(labels == label, tolerance)
        ]
        yield f"labels/{item.stem}.txt", "".join(lines).encode()
        if item.path is not None:
            yield f"images/{item.file}", _content(item.path)
    if ignored:
        log.warning("masks with ignored pixels, which became background: %d", ignored)


def _line(label: int, points: np.ndarray, size: tuple[int, ...]) -> str:
    shares = (points / (size[1], size[0])).ravel().tolist()
    return " ".join([str(label - 1), *(f"{share:.6f}" for share in shares)]) + "\n"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
