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
"""What reading damaged archives raises."""


class MapsWriter:
    """Writes a shard of maps; the file appears under its name only when the block ends well.

    Args:
        path: the `.npz` to write.
        provenance: what made it, kept as the comment of the archive.
    """

    def __init__(self, path: Path, provenance: str = "") -> None:
        self._path, self._provenance = path, provenance

    def __enter__(self) -> Self:
        # the file is renamed after the archive was closed, and only if that went well
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
    """Random access to the maps of several shards; cheap to pickle, opened on first use.

    Args:
        paths: the shards.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)
        self._members: dict[str, tuple[Path, list[str]]] | None = None
        self._open: dict[Path, zipfile.ZipFile] = {}  # least recently opened first
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        state = {"_paths": self._paths, "_members": None, "_open": {}}
        return state | {"_process": self._process}

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the images in the shards, in order."""
        return tuple(self._index())

    def read(self, image_id: str, *names: str) -> dict[str, np.ndarray]:
        """Return the arrays `names` of an image, without names all of them.

        Raises:
            UserError: the image or an array is not in the shards, or its shard is missing or
                damaged.
        """
        path, kept = self._kept(image_id)
        for name in sorted(set(names) - set(kept)):
            raise UserError(
                f"{path}: has no {name} of image {image_id}; it is another kind of shard"
            )
        return {name: self._array(path, f"{image_id}/{name}.npy") for name in names or kept}

    def names(self, image_id: str) -> tuple[str, ...]:
        """Return the names of the arrays of an image.

        Raises:
            UserError: the image is not in the shards, or a shard is missing or damaged.
        """
        return tuple(self._kept(image_id)[1])

    def damaged(self, image_id: str, problem: str) -> UserError:
        """Return the error that names the shard of an image and what is wrong with its arrays."""
        return _damaged(self._kept(image_id)[0], f"the maps of image {image_id}: {problem}")

    def _kept(self, image_id: str) -> tuple[Path, list[str]]:
        if image_id not in self._index():
            raise UserError(f"image {image_id} has no maps in the shards given")
        return self._index()[image_id]

    def _array(self, path: Path, member: str) -> np.ndarray:
        try:
            # read whole, for its checksum stands behind it
            data = io.BytesIO(self._zip(path).read(member))
            return np.lib.format.read_array(data, allow_pickle=False)
        except _BROKEN as error:
            raise _damaged(path, error) from error

    def _zip(self, path: Path) -> zipfile.ZipFile:
        if self._process != os.getpid():
            # a forked process shares the position in every open file with its siblings
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
            self._members = {}
            for path in self._paths:
                for image_id, names in _listed(path, self._zip(path).namelist()).items():
                    self._members.setdefault(image_id, (path, names))
            self._check_alike()
        return self._members

    def _check_alike(self) -> None:
        """Refuse shards of different kinds, whose images would be judged as of one."""
        kinds = {tuple(names): path for path, names in reversed(self._members.values())}
        if len(kinds) > 1:
            one, other, *_ = kinds.values()
            raise UserError(f"{one}: has other arrays than {other}; delete both and run again")


def _listed(path: Path, members: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of the arrays of each image, which are the same for all of a shard."""
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
    """Return the name of the array that holds the CRF posteriors of an alpha."""
    return f"alpha_{alpha:g}"


def alphas_of(names: Iterable[str]) -> dict[float, str]:
    """Return the arrays of CRF posteriors among `names`: alpha -> name, alphas ascending."""
    prefix = alpha_name(0).removesuffix("0")
    found = {float(name.removeprefix(prefix)): name for name in names if name.startswith(prefix)}
    return dict(sorted(found.items()))
