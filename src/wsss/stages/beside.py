"""Overlays and a table of scores beside the masks of `wsss predict`."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from wsss.io.atomic import unwritable, write_bytes, write_text
from wsss.io.cells import escaped, unescaped
from wsss.io.labels import OVERLAYS
from wsss.report.overlays import encoded
from wsss.stages.predicting import shares

SCORES = "scores.csv"
"""File name of the table of scores."""

FORMATS = {"jpg": "JPEG", "png": "PNG"}
"""Formats of overlays by their suffix."""

_COLUMNS = ("image", "class", "share", "score")


class Overlays:
    """Folder of overlays.

    Args:
        out: folder of the masks.
        names: names of the labels.
        suffix: suffix of the files, see `FORMATS`; None = there are none.
    """

    def __init__(self, out: Path, names: Sequence[str], suffix: str | None) -> None:
        self.folder, self._names, self._suffix = out / OVERLAYS, names, suffix

    def has(self, image_id: str) -> bool:
        """Return True if an image needs no overlay any more."""
        return self._suffix is None or self._path(image_id).is_file()

    def put(self, image_id: str, labels: np.ndarray, image: np.ndarray) -> None:
        """Write the overlay of an image, of a label map (H, W) on pixels (H, W, 3)."""
        if self._suffix:
            picture = encoded(labels, image, self._names, FORMATS[self._suffix])
            write_bytes(self._path(image_id), picture)

    def finish(self, image_ids: Iterable[str]) -> None:
        """Remove the overlays of other images, which an earlier call has left."""
        kept = {self._path(image_id) for image_id in image_ids} if self._suffix else set()
        for suffix in FORMATS:
            for path in set(self.folder.glob(f"*.{suffix}")) - kept:
                path.unlink()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _path(self, image_id: str) -> Path:
        return self.folder / f"{image_id}.{self._suffix}"


class Scores:
    """Table of scores, a row per image and label, which an interrupted call continues.

    `share` is the fraction of the pixels, `score` the highest probability in the image.

    Args:
        out: folder of the masks.
        names: names of the labels.
        wanted: whether there is a table.
    """

    def __init__(self, out: Path, names: Sequence[str], wanted: bool) -> None:
        self.path, self.wanted = out / SCORES, wanted
        self._names = names
        self._rows = dict(self._read()) if wanted and self.path.is_file() else {}

    def has(self, image_id: str) -> bool:
        """Return True if an image needs no rows any more."""
        return not self.wanted or image_id in self._rows

    def put(self, image_id: str, labels: np.ndarray, highest: np.ndarray | None) -> None:
        """Append the rows of an image, of its label map (H, W) and highest probabilities (L,)."""
        if highest is None:
            return
        found = zip(self._names, shares(labels, len(self._names)), highest, strict=True)
        rows: list[Sequence[str]] = [
            (image_id, name, f"{share:.6f}", f"{score:.6f}") for name, share, score in found
        ]
        self._rows[image_id] = rows
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(_text(rows))
        except OSError as error:
            raise unwritable(self.path, error) from error

    def finish(self, image_ids: Iterable[str]) -> None:
        """Write the table of these images in their order, or remove that of an earlier call."""
        if not self.wanted:
            self.path.unlink(missing_ok=True)
            return
        rows = [row for image_id in image_ids for row in self._rows[image_id]]
        write_text(self.path, _text([_COLUMNS, *rows]))

    def _read(self) -> Iterator[tuple[str, list[Sequence[str]]]]:
        """Yield the rows of the images whose rows are all there."""
        text = io.StringIO(self.path.read_text(encoding="utf-8", errors="replace"))
        table = (tuple(map(unescaped, row)) for row in csv.reader(text))
        whole = (row for row in table if len(row) == len(_COLUMNS))
        for image_id, group in groupby(whole, lambda row: row[0]):
            rows: list[Sequence[str]] = list(group)
            if [row[1] for row in rows] == list(self._names):
                yield image_id, rows


def _text(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([map(escaped, row) for row in rows])
    return text.getvalue()
