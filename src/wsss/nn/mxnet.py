"""Reading MXNet ``.params`` files, in which the ImageNet weights of ResNet-38d were published.

Source: the layout of ``NDArray::Save`` and the names of ademxapp's model A1;
docs/methods/common.md 2.6.
"""

import math
import re
from pathlib import Path

import numpy as np

from wsss.errors import UserError

MAGIC = (0x112).to_bytes(8, "little")
"""The first bytes of every ``.params`` file."""

_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_DTYPES = dict(enumerate(("<f4", "<f8", "<f2", "u1", "<i4", "i1", "<i8")))
_MAX_ARRAYS = 1 << 20
_MAX_DIMS = 32

_LAYER = re.compile(r"(res|bn)([2-7])(?:a|b([1-9]\d*))_(branch1|branch2a|branch2b[12])_(\w+)")
_STATISTICS = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_var": "running_var",
}


def torch_name(name: str) -> str | None:
    """Return PSA's name of a tensor of ademxapp's ResNet-38, ``None`` if PSA does not have it.

    ``arg:res3b1_branch2a_weight`` is ``b3_1.conv_branch2a.weight``,
    ``aux:bn3a_branch2a_moving_var`` is ``b3.bn_branch2a.running_var`` (docs/methods/common.md 2.6).
    """
    bare = name.partition(":")[2] or name
    if bare == "conv1a_weight":
        return "conv1a.weight"
    if bare.startswith("bn7_") and bare[4:] in _STATISTICS:
        return f"bn7.{_STATISTICS[bare[4:]]}"
    match = _LAYER.fullmatch(bare)
    if match is None:
        return None
    kind, stage, repeat, branch, what = match.groups()
    block = f"b{stage}_{repeat}" if repeat else f"b{stage}"
    if kind == "res":
        return f"{block}.conv_{branch}.weight" if what == "weight" else None
    return f"{block}.bn_{branch}.{_STATISTICS[what]}" if what in _STATISTICS else None


def read_params(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of a ``.params`` file, in its order.

    All three layouts of a record are understood: the legacy one of 2016/17, V1 and V2 (and V3,
    which is the same here). Nothing is allocated before it is known to be in the file.

    Returns:
        Name in the file, with ``arg:`` or ``aux:`` -> array.

    Raises:
        UserError: The file is cut off or holds anything but named dense arrays.
    """
    file = _File(path)
    if file.take("<u8") != int.from_bytes(MAGIC, "little"):
        raise file.error("does not begin as one")
    file.take("<u8")
    count = file.take("<u8")
    if count > _MAX_ARRAYS:
        raise file.error(f"claims to hold {count} arrays")
    arrays = [_array(file) for _ in range(count)]
    if file.take("<u8") != count:
        raise file.error("its arrays have no names")
    names = [_name(file) for _ in range(count)]
    if file.left():
        raise file.error(f"{file.left()} bytes too many")
    return dict(zip(names, arrays, strict=True))


class _File:
    """A file that is read front to back, never beyond its end."""

    def __init__(self, path: Path) -> None:
        self._path, self._position = path, 0
        size = path.stat().st_size
        self._bytes = np.memmap(path, np.uint8, "r") if size else np.empty(0, np.uint8)

    def left(self) -> int:
        """Return how many bytes are not read yet."""
        return len(self._bytes) - self._position

    def take(self, dtype: str) -> int:
        """Return the next number."""
        return int(self.take_many(dtype, 1)[0])

    def take_many(self, dtype: str, count: int) -> np.ndarray:
        """Return a copy of the next `count` numbers."""
        size = count * np.dtype(dtype).itemsize
        if size > self.left():
            raise self.error("cut off")
        start, self._position = self._position, self._position + size
        return np.frombuffer(self._bytes[start : self._position], dtype).copy()

    def error(self, reason: str) -> UserError:
        """Return the error of a damaged file."""
        return UserError(f"{self._path}: damaged or not an MXNet file of arrays ({reason})")


def _array(file: _File) -> np.ndarray:
    dims, kind = file.take("<u4"), "<u4"
    if dims in (_V1, _V2, _V3):
        if dims != _V1 and file.take("<i4") != 0:
            raise file.error("holds a sparse array")
        dims, kind = file.take("<u4"), "<i8"
    if dims > _MAX_DIMS:
        raise file.error(f"claims an array of {dims} dimensions")
    shape = tuple(file.take_many(kind, dims).tolist())
    if not shape:
        return np.empty(0, np.float32)
    if min(shape) < 1:
        raise file.error(f"claims an array of shape {shape}")
    file.take_many("<i4", 2)  # the device it was on
    code = file.take("<i4")
    if code not in _DTYPES:
        raise file.error(f"holds numbers of an unknown type {code}")
    return file.take_many(_DTYPES[code], math.prod(shape)).reshape(shape)


def _name(file: _File) -> str:
    raw = file.take_many("u1", file.take("<u8")).tobytes()
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise file.error("a name is not text") from None
