"""Label maps of which an interrupted call leaves its own to the next one."""

import hashlib
from collections.abc import Container
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from wsss.io.atomic import unwritable, write_text
from wsss.io.labels import LabelWriter
from wsss.io.provenance import file_state
from wsss.io.records import LABEL_COLUMNS, record_text

UNFINISHED = ".unfinished"
"""File name of what stands for the record until the last label map is written."""


class ContinuingWriter(LabelWriter):
    """A writer that notes each label map as it comes, and continues notes of its provenance.

    Args:
        record: as of `LabelWriter`; the notes lie beside it.
        provenance: as of `LabelWriter`.
    """

    def __enter__(self) -> Self:
        self._notes = self.record.with_name(UNFINISHED)
        self._kept = self._read()
        self._sources: dict[str, str] = {}
        write_text(self._notes, record_text(self.provenance, LABEL_COLUMNS, self._kept.values()))
        try:
            self.record.unlink(missing_ok=True)
            self._remove_others(self._kept)
        except OSError as error:
            raise unwritable(self.record, error) from error
        return self

    def take(self, image_id: str, source: Path) -> bool:
        """Take over the label map of an interrupted call.

        Args:
            image_id: of the image.
            source: what the label map is made from.

        Returns:
            Whether there is one, and `source` was not changed or replaced since.
        """
        self._sources[image_id] = state = " ".join(map(str, file_state(str(source))))
        kept = self._kept.get(image_id, ())
        if kept[2:] != (state,):
            return False
        self._rows.append(kept[:2])
        return True

    def put(self, image_id: str, labels: np.ndarray) -> None:
        """Write `labels` (H, W) uint8 as `image_id`.png and note it, after `take` refused it."""
        super().put(image_id, labels)
        try:
            with self._notes.open("a", encoding="utf-8") as file:
                file.write("\t".join((*self._rows[-1], self._sources[image_id])) + "\n")
        except OSError as error:
            raise unwritable(self._notes, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._remove_others(dict(self._rows))
        super().__exit__(kind, error, trace)
        if kind is None:
            self._notes.unlink()

    def _read(self) -> dict[str, tuple[str, ...]]:
        """Return the notes of label maps that are whole: image id, digest, state of the source."""
        if not self._notes.is_file():
            return {}
        text = self._notes.read_text(encoding="utf-8", errors="replace")
        head = record_text(self.provenance, LABEL_COLUMNS, [])
        if not text.startswith(head):
            return {}
        rows = [tuple(line.split("\t")) for line in text.removeprefix(head).split("\n")]
        return {row[0]: row for row in rows if len(row) == 3 and self._holds(*row[:2])}

    def _holds(self, image_id: str, digest: str) -> bool:
        path = self._path(image_id)
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest

    def _remove_others(self, mine: Container[str]) -> None:
        for path in self.record.parent.glob("*.png"):
            if path.stem not in mine:
                path.unlink()

    def _path(self, image_id: str) -> Path:
        return self.record.parent / f"{image_id}.png"
