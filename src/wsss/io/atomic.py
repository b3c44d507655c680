"""Atomic writing of files: temporary file, fsync, rename."""

import errno
import os
import platform
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TypeGuard

from wsss.errors import UserError

_HOST = f"{zlib.crc32(platform.node().encode()):08x}"
_TEMPORARY = re.compile(r"\..+\.([0-9]+)@([0-9a-f]{8})\.tmp")
_LONGEST = 200
"""Length of names, in bytes, that leaves room for the suffix; file systems allow 255."""

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced to disk and renamed to `path`.

    On any exception the temporary file is removed and `path` stays unchanged. Temporary files that
    killed processes of this machine left in the folder are removed, too.

    Raises:
        UserError: the file cannot be written (disk full, read-only folder).
    """
    temporary = path.with_name(f".{_short(path.name)}.{os.getpid()}@{_HOST}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale_files(path.parent)
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _short(name: str) -> str:
    """Return a name, or its checksum if no file could have the name with a suffix."""
    code = os.fsencode(name)
    return name if len(code) <= _LONGEST else f"{zlib.crc32(code):08x}"


def unwritable(path: Path, error: OSError) -> UserError:
    """Build the error for a file that cannot be written; it names the file and the remedy."""
    return UserError(
        f"{path}: cannot be written ({error.strerror or error}); "
        "free space or make the folder writable, then run the same command again"
    )


def is_unwritable(error: BaseException | None) -> TypeGuard[OSError]:
    """True if an error was caused by a full or read-only disk."""
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
def remove_stale_files(folder: Path) -> None:
    """Remove temporary files that dead processes left in a folder; once per folder and process."""
    for path in folder.iterdir():
        match = _TEMPORARY.fullmatch(path.name)
        if match and match[2] == _HOST and not _is_alive(int(match[1])):
            with suppress(OSError):
                path.unlink()


def is_temporary(name: str) -> bool:
    """True for names of temporary files of `atomic_path`, of this machine and of others."""
    return _TEMPORARY.fullmatch(name) is not None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
