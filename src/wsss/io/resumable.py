"""Resumable label-map writer."""

import hashlib
from collections.abc import Container
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from wsss.io.atomic import unwritable, write_text
from wsss.io.labels import LabelWriter
from wsss.io.provenance import file_state
from wsss.io.records import LABEL_COLUMNS, record_text

UNFINISHED = ".unfinished"
"""File name of the journal that exists until the last label map is written."""


class _Entry(NamedTuple):
    """Line of the journal: a finished label map and the state of the image it was made from."""

    image_id: str
    digest: str
    source: str


class ResumableWriter(LabelWriter):
    """Label writer with a journal, from which an interrupted call with equal provenance resumes.

    Args:
        record: as of `LabelWriter`; the journal is in the same folder.
        provenance: as of `LabelWriter`.
    """

    def __enter__(self) -> Self:
        self._journal = self.record.with_name(UNFINISHED)
        self._finished = self._read_journal()
        self._sources: dict[str, str] = {}
        head = record_text(self.provenance, LABEL_COLUMNS, self._finished.values())
        write_text(self._journal, head)
        try:
            self.record.unlink(missing_ok=True)
            self._remove_others(self._finished)
        except OSError as error:
            raise unwritable(self.record, error) from error
        return self

    def reuse(self, image_id: str, source: Path) -> bool:
        """Keep the label map of an interrupted call, if there is one.

        Args:
            image_id: id of the image.
            source: file that the label map is made from.

        Returns:
            True if there is a label map, and `source` has not changed since it was written.
        """
        self._sources[image_id] = state = " ".join(map(str, file_state(str(source))))
        entry = self._finished.get(image_id)
        if entry is None or entry.source != state:
            return False
        self._rows.append((entry.image_id, entry.digest))
        return True

    def put(self, image_id: str, labels: np.ndarray) -> None:
        """Write `labels` (H, W) uint8 as `image_id`.png, for which `reuse` returned False."""
        super().put(image_id, labels)
        entry = _Entry(*self._rows[-1], self._sources[image_id])
        try:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write("\t".join(entry) + "\n")
        except OSError as error:
            raise unwritable(self._journal, error) from error

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
            self._journal.unlink()

    def _read_journal(self) -> dict[str, _Entry]:
        """Read the entries, by image id, whose label maps are undamaged."""
        if not self._journal.is_file():
            return {}
        text = self._journal.read_text(encoding="utf-8", errors="replace")
        head = record_text(self.provenance, LABEL_COLUMNS, [])
        if not text.startswith(head):
            return {}
        rows = [line.split("\t") for line in text.removeprefix(head).split("\n")]
        entries = [_Entry(*row) for row in rows if len(row) == len(_Entry._fields)]
        return {entry.image_id: entry for entry in entries if self._is_undamaged(entry)}

    def _is_undamaged(self, entry: _Entry) -> bool:
        path = self.record.parent / f"{entry.image_id}.png"
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == entry.digest

    def _remove_others(self, image_ids: Container[str]) -> None:
        """Remove all label maps but those of `image_ids`."""
        for path in self.record.parent.glob("*.png"):
            if path.stem not in image_ids:
                path.unlink()
