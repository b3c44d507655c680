"""Score maps per image in `.npz` files, listed in a commit record; random access by image id.

The array `name` of an image is the member `{image_id}/{name}` of an ordinary `.npz`.
"""

import io
import math
import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from wsss.errors import UserError
from wsss.io.atomic import atomic_path
from wsss.io.records import MAP_COLUMNS, read_record, split_folder, write_record

_EPOCH = (1980, 1, 1, 0, 0, 0)
_OPEN = 16
_LEVEL = 1
"""Effort of the compression: six times less than the default of 6, and a tenth more bytes."""
_reading = threading.Lock()
"""Lock of the open files, which threads share."""
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    OverflowError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
    struct.error,
    zlib.error,
)
"""Exceptions that reading a damaged archive can raise."""


class _Entry(NamedTuple):
    """Location of the maps of an image: commit record, `.npz` file, names of the arrays."""

    record: Path
    file: Path
    arrays: list[str]


class MapsWriter:
    """Writer of score maps; their commit record is written last, and only if the block succeeds.

    Args:
        record: path of the record of a split or of a part (see `wsss.io.records`); the maps go to
            the `.npz` of the same name beside it.
        provenance: how the maps were made, one line; the first line of the record.
    """

    def __init__(self, record: Path, provenance: str = "") -> None:
        self._record, self._provenance = record, provenance
        self._rows: list[tuple[str, str, str]] = []

    def __enter__(self) -> Self:
        path = self._record.with_suffix(".npz")
        self._name = path.relative_to(split_folder(self._record)).as_posix()
        # the archive is closed, then the old record removed, then the file renamed
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(path))
            stack.push(self._remove_record)
            self._zip = stack.enter_context(zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED))
            self._stack = stack.pop_all()
        return self

    def put(self, image_id: str, **arrays: np.ndarray) -> None:
        """Append the named arrays of one image."""
        for name, array in arrays.items():
            # a fixed date keeps equal content byte-identical
            member = zipfile.ZipInfo(f"{image_id}/{name}.npy", _EPOCH)
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asanyarray(array), allow_pickle=False)
            self._zip.writestr(member, content.getbuffer(), zipfile.ZIP_DEFLATED, _LEVEL)
        self._rows.append((image_id, self._name, ",".join(arrays)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        if kind is None:
            write_record(self._record, self._provenance, MAP_COLUMNS, self._rows)

    def _remove_record(self, kind: type[BaseException] | None, *_: object) -> None:
        """Remove the record of earlier maps, unless writing has failed."""
        if kind is None:
            self._record.unlink(missing_ok=True)


class MapsReader:
    """Random access to score maps; picklable, opens files on first use.

    Args:
        records: commit records.
    """

    def __init__(self, records: Sequence[Path]) -> None:
        self._records = list(records)
        self._members: dict[str, _Entry] | None = None
        self._open: dict[Path, zipfile.ZipFile] = {}  # least recently opened first
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_members": None, "_open": {}}

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the images in the records, in order."""
        return tuple(self._index())

    def read(self, image_id: str, *names: str) -> dict[str, np.ndarray]:
        """Read the arrays `names` of an image; all of them if no name is given.

        Raises:
            UserError: the image or an array is not in the records, or a file is missing or
                damaged.
        """
        entry = self._entry(image_id)
        for name in sorted(set(names) - set(entry.arrays)):
            raise UserError(
                f"{entry.record}: has no {name} of image {image_id}; give the record of other maps"
            )
        return {n: self._array(entry, f"{image_id}/{n}.npy") for n in names or entry.arrays}

    def names(self, image_id: str) -> tuple[str, ...]:
        """Return the names of the arrays of an image.

        Raises:
            UserError: the image is not in the records, or a record is missing or damaged.
        """
        return tuple(self._entry(image_id).arrays)

    def damaged(self, image_id: str, problem: str) -> UserError:
        """Build the error for invalid arrays of an image; it names the file and the problem."""
        return _damaged(self._entry(image_id), f"the maps of image {image_id}: {problem}")

    def _entry(self, image_id: str) -> _Entry:
        """Look up the maps of an image."""
        if image_id not in self._index():
            raise UserError(f"image {image_id} has no maps in the records given")
        return self._index()[image_id]

    def _array(self, entry: _Entry, member: str) -> np.ndarray:
        try:
            # zipfile verifies the CRC-32 only after the whole member was read
            with _reading:
                data = self._zip(entry).read(member)
            return _to_array(data)
        except _BROKEN as error:
            raise _damaged(entry, error) from error

    def _zip(self, entry: _Entry) -> zipfile.ZipFile:
        if self._process != os.getpid():
            # forked processes (DataLoader workers) share the file positions of inherited handles
            self._open, self._process = {}, os.getpid()
        path = entry.file
        if path not in self._open:
            if len(self._open) == _OPEN:
                self._open.pop(next(iter(self._open))).close()
            try:
                self._open[path] = zipfile.ZipFile(path)
            except OSError as error:
                raise _damaged(entry, error.strerror or str(error)) from error
            except _BROKEN as error:
                raise _damaged(entry, error) from error
        return self._open[path]

    def _index(self) -> dict[str, _Entry]:
        if self._members is None:
            members: dict[str, _Entry] = {}
            for record in self._records:
                for image_id, file, arrays in read_record(record, MAP_COLUMNS):
                    entry = _Entry(record, split_folder(record) / file, arrays.split(","))
                    members.setdefault(image_id, entry)
            _check_same_arrays(members.values())
            self._members = members
        return self._members


def _to_array(data: bytes) -> np.ndarray:
    """Decode the bytes of a `.npy` file, as `np.lib.format.read_array` does.

    Raises:
        ValueError: they are damaged, or hold objects.
    """
    start = 10 + int.from_bytes(data[8:10], "little")
    shape, by_columns, dtype = _header(data[:start])
    flat = np.frombuffer(data, dtype, math.prod(shape), start)
    return flat.reshape(shape, order="F" if by_columns else "C").copy()


@lru_cache(256)
def _header(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Parse the start of a `.npy` file: shape, order and type; NumPy compiles it as Python."""
    file = io.BytesIO(head)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("not of version 1.0")
    return np.lib.format.read_array_header_1_0(file)


def _check_same_arrays(entries: Iterable[_Entry]) -> None:
    """Raise UserError if images have arrays of different names, e.g. CAMs beside posteriors."""
    kinds: dict[tuple[str, ...], Path] = {}
    for entry in entries:
        kinds.setdefault(tuple(entry.arrays), entry.record)
    if len(kinds) > 1:
        one, other, *_ = kinds.values()
        raise UserError(f"{one}: has other arrays than {other}; delete both and run again")


def _damaged(entry: _Entry, error: Exception | str) -> UserError:
    return UserError(
        f"{entry.file}: not readable as maps ({error}); delete {entry.record.name} of its split "
        "and run again to rebuild it"
    )


def alpha_name(alpha: float) -> str:
    """Return the name of the array of refined scores for `alpha`."""
    return f"alpha_{alpha:g}"


def alphas_of(names: Iterable[str]) -> dict[float, str]:
    """Find the arrays of refined scores among `names`: alpha -> name, alphas ascending."""
    prefix = alpha_name(0).removesuffix("0")
    found = {float(name.removeprefix(prefix)): name for name in names if name.startswith(prefix)}
    return dict(sorted(found.items()))
