"""Shards of per-image score maps: one `.npz` per shard, random access by image id.

A shard is an ordinary `.npz`; the array `name` of an image is the member `{image_id}/{name}`.
"""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from wsss.errors import UserError
from wsss.io.atomic import atomic_path

_EPOCH = (1980, 1, 1, 0, 0, 0)
_OPEN = 16
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


class MapsWriter:
    """Writer of a shard of maps; the file is renamed to its name only if the block succeeds.

    Args:
        path: the `.npz` to write.
        provenance: how the maps were made, stored as the comment of the archive.
    """

    def __init__(self, path: Path, provenance: str = "") -> None:
        self._path, self._provenance = path, provenance

    def __enter__(self) -> Self:
        # the archive is closed before the file is renamed
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self._path))
            self._zip = stack.enter_context(zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED))
            self._zip.comment = self._provenance.encode()
            self._stack = stack.pop_all()
        return self

    def put(self, image_id: str, **arrays: np.ndarray) -> None:
        """Append the named arrays of one image."""
        for name, array in arrays.items():
            # a fixed date keeps equal content byte-identical
            member = zipfile.ZipInfo(f"{image_id}/{name}.npy", _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            with self._zip.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


class MapsReader:
    """Random access to the maps of several shards; picklable, opens files on first use.

    Args:
        paths: the shards.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)
        self._members: dict[str, tuple[Path, list[str]]] | None = None
        self._open: dict[Path, zipfile.ZipFile] = {}  # least recently opened first
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_members": None, "_open": {}}

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the images in the shards, in order."""
        return tuple(self._index())

    def read(self, image_id: str, *names: str) -> dict[str, np.ndarray]:
        """Read the arrays `names` of an image; all of them if no name is given.

        Raises:
            UserError: the image or an array is not in the shards, or its shard is missing or
                damaged.
        """
        path, stored = self._entry(image_id)
        for name in sorted(set(names) - set(stored)):
            raise UserError(
                f"{path}: has no {name} of image {image_id}; it is another kind of shard"
            )
        return {name: self._array(path, f"{image_id}/{name}.npy") for name in names or stored}

    def names(self, image_id: str) -> tuple[str, ...]:
        """Return the names of the arrays of an image.

        Raises:
            UserError: the image is not in the shards, or a shard is missing or damaged.
        """
        return tuple(self._entry(image_id)[1])

    def damaged(self, image_id: str, problem: str) -> UserError:
        """Build the error for invalid arrays of an image; it names the shard and the problem."""
        return _damaged(self._entry(image_id)[0], f"the maps of image {image_id}: {problem}")

    def _entry(self, image_id: str) -> tuple[Path, list[str]]:
        """Return the shard of an image and the names of its arrays."""
        if image_id not in self._index():
            raise UserError(f"image {image_id} has no maps in the shards given")
        return self._index()[image_id]

    def _array(self, path: Path, member: str) -> np.ndarray:
        try:
            # zipfile verifies the CRC-32 only after the whole member was read
            data = io.BytesIO(self._zip(path).read(member))
            return np.lib.format.read_array(data, allow_pickle=False)
        except _BROKEN as error:
            raise _damaged(path, error) from error

    def _zip(self, path: Path) -> zipfile.ZipFile:
        if self._process != os.getpid():
            # forked processes (DataLoader workers) share the file positions of inherited handles
            self._open, self._process = {}, os.getpid()
        if path not in self._open:
            if len(self._open) == _OPEN:
                self._open.pop(next(iter(self._open))).close()
            try:
                self._open[path] = zipfile.ZipFile(path)
            except OSError as error:
                raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
            except _BROKEN as error:
                raise _damaged(path, error) from error
        return self._open[path]

    def _index(self) -> dict[str, tuple[Path, list[str]]]:
        if self._members is None:
            members: dict[str, tuple[Path, list[str]]] = {}
            for path in self._paths:
                for image_id, names in _arrays_by_image(path, self._zip(path).namelist()).items():
                    members.setdefault(image_id, (path, names))
            _check_same_arrays(members.values())
            self._members = members
        return self._members


def _check_same_arrays(entries: Iterable[tuple[Path, list[str]]]) -> None:
    """Raise UserError if shards hold arrays of different names, e.g. CAMs beside posteriors."""
    kinds: dict[tuple[str, ...], Path] = {}
    for path, names in entries:
        kinds.setdefault(tuple(names), path)
    if len(kinds) > 1:
        one, other, *_ = kinds.values()
        raise UserError(f"{one}: has other arrays than {other}; delete both and run again")


def _arrays_by_image(path: Path, members: Sequence[str]) -> dict[str, list[str]]:
    """Group the members of a shard by image id; all images must have arrays of the same names."""
    found: dict[str, list[str]] = {}
    for member in members:
        image_id, _, name = member.removesuffix(".npy").rpartition("/")
        found.setdefault(image_id, []).append(name)
    if len({tuple(names) for names in found.values()}) > 1:
        raise _damaged(path, ValueError("its images have different arrays"))
    return found


def _damaged(path: Path, error: Exception | str) -> UserError:
    return UserError(f"{path}: not a readable shard ({error}); delete it and run again")


def alpha_name(alpha: float) -> str:
    """Return the name of the array of CRF posteriors for `alpha`."""
    return f"alpha_{alpha:g}"


def alphas_of(names: Iterable[str]) -> dict[float, str]:
    """Find the arrays of CRF posteriors among `names`: alpha -> name, alphas ascending."""
    prefix = alpha_name(0).removesuffix("0")
    found = {float(name.removeprefix(prefix)): name for name in names if name.startswith(prefix)}
    return dict(sorted(found.items()))
