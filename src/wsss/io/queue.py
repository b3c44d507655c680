"""Table of the images whose masks are to be looked at, the most suspicious first.

Columns that tools or people add, and rows that they move or delete, do no harm.
"""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.cells import escaped, unescaped

FILE = "review.tsv"
"""Name of the table in the folder of a run."""

_NEEDED = ("image", "mask")


@dataclass(frozen=True)
class Suspect:
    """A row of the queue.

    Attributes:
        image: image id.
        score: how suspicious its mask is, 0 to 1.
        reasons: why, in words.
        labels: names of the classes of the image.
        mask: path of the mask.
        iou: mean IoU of the mask with that of the data set; None without one.
    """

    image: str
    score: float
    reasons: Sequence[str]
    labels: Sequence[str]
    mask: Path
    iou: float | None = None


def write_queue(path: Path, suspects: Sequence[Suspect]) -> None:
    """Write the table, whole or not at all; paths of masks are relative to its folder.

    The column with the IoU is left out if no image has a mask of the data set.
    """
    known = any(one.iou is not None for one in suspects)
    head = ["rank", "image", "score", *(["iou (needs masks)"] if known else []), "reasons"]
    rows = [[*head, "labels", "mask"]]
    for rank, one in enumerate(suspects, start=1):
        iou = [] if not known else ["" if one.iou is None else f"{one.iou:.3f}"]
        mask = Path(os.path.relpath(one.mask, path.parent)).as_posix()
        told = "; ".join(one.reasons), ";".join(one.labels), mask
        cells = [str(rank), one.image, f"{one.score:.3f}", *iou, *told]
        rows.append([str(escaped(cell)) for cell in cells])
    write_text(path, "".join("\t".join(row) + "\n" for row in rows))


def read_queue(path: Path) -> list[tuple[str, Path]]:
    """Read image ids and masks of a queue, in its order.

    Raises:
        UserError: the table cannot be read, lacks a column, is empty or names an image twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    if rows and (missing := [name for name in _NEEDED if name not in rows[0]]):
        raise UserError(f"{path}: has no column {missing[0]!r}; wsss review writes such tables")
    cells = [tuple(unescaped(row[name] or "") for name in _NEEDED) for row in rows]
    found = [(image, path.parent / mask) for image, mask in cells]
    if not found or len(dict(found)) < len(found):
        raise UserError(f"{path}: must name images, each once")
    return found
