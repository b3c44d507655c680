"""Resumable label-map writer."""

import hashlib
from collections.abc import Container
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from wsss.config.slices import canonical
from wsss.errors import UserError
from wsss.io.atomic import is_temporary, remove_stale_files, unwritable, write_text
from wsss.io.labels import CLASSES, RECORD, LabelWriter
from wsss.io.provenance import file_state
from wsss.io.records import LABEL_COLUMNS, record_text

UNFINISHED = ".unfinished"
"""File name of the journal that exists until the last label map is written."""


class _Entry(NamedTuple):
    """Line of the journal: a finished label map and the state of the files it was made from."""

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

    def reuse(self, image_id: str, *sources: Path, whole: bool = True) -> bool:
        """Keep the label map of an interrupted call, if there is one.

        Args:
            image_id: id of the image.
            *sources: files that the label map is made from.
            whole: whether what belongs beside the label map is there, too.

        Returns:
            True if there is all of it, and no source has changed since it was written.
        """
        states = [value for source in sources for value in file_state(str(source))]
        self._sources[image_id] = state = " ".join(map(str, states))
        entry = self._finished.get(image_id)
        if not whole or entry is None or entry.source != state:
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


def command_of(name: str) -> dict[str, str]:
    """Return the first field of the provenance of a command, which tells its masks from others.

    Fields are sorted by name: the others come behind `command`.
    """
    return {"command": name}


def check_folder(out: Path, command: str, *others: str) -> None:
    """Check that a folder holds no files but an earlier result of a command, finished or not.

    Args:
        out: the folder; it may be missing.
        command: the command, see `command_of`.
        *others: names of further files and folders of its results.

    Raises:
        UserError: it holds other files, which could be lost.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"{out}: is a file; name a folder for the masks")
    remove_stale_files(out)
    # of another machine, which may still write
    found = {path.name for path in out.iterdir() if not is_temporary(path.name)}
    own = _own_files(out, found, command)
    foreign = sorted(found - own - (set(others) if own else set()))
    if foreign:
        names = ", ".join(foreign[:3]) + ", ..." * (len(foreign) > 3)
        raise UserError(f"{out}: holds {names}, no result of {command}; name another folder")


def _own_files(out: Path, found: set[str], command: str) -> set[str]:
    """Names of the files that an earlier call wrote."""
    if UNFINISHED in found:
        return {UNFINISHED, CLASSES, RECORD} | {name for name in found if name.endswith(".png")}
    if RECORD not in found:
        return set()
    head, *rows = (out / RECORD).read_text(encoding="utf-8", errors="replace").split("\n")
    if not head.startswith("#" + canonical(command_of(command)).removesuffix("}")):
        return set()
    return {CLASSES, RECORD} | {row.partition("\t")[0] + ".png" for row in rows}
