"""Files appear whole under their final name, or not at all."""

import errno
import os
import platform
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from wsss.errors import UserError

_HOST = f"{zlib.crc32(platform.node().encode()):08x}"
_LEFT = re.compile(rf"\..+\.([0-9]+)@{_HOST}\.tmp")
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced to disk and renamed to `path`.

    On any exception the temporary file is removed and `path` is left as it was. What a killed
    process of this machine left in the folder is removed, too.

    Raises:
        UserError: the file cannot be written (disk full, read-only folder).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}@{_HOST}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def unwritable(path: Path, error: OSError) -> UserError:
    """Return the error that names a file which cannot be written, and the remedy."""
    return UserError(
        f"{path}: cannot be written ({error.strerror or error}); "
        "free space or make the folder writable, then run the same command again"
    )


def is_unwritable(error: BaseException | None) -> bool:
    """Tell whether an error means a full or read-only disk."""
    return isinstance(error, OSError) and error.errno in _UNWRITABLE


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` atomically."""
    write_bytes(path, text.encode())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@cache
def sweep(folder: Path) -> None:
    """Remove the temporary files that dead processes left in a folder, once."""
    for path in folder.iterdir():
        left = _LEFT.fullmatch(path.name)
        if left and not _alive(int(left[1])):
            with suppress(OSError):
                path.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
