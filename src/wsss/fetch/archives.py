"""Safe, atomic unpacking of tar and zip archives."""

import errno
import lzma
import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from gzip import BadGzipFile
from pathlib import Path
from typing import IO

from wsss.errors import UserError
from wsss.io.atomic import unwritable, write_text
from wsss.io.progress import log, track

_STAMP = ".unpacked"
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}
"""Errors of the disk or folder; any other comes from the name of an archive member."""

_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    BadGzipFile,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True)
class _Member:
    """An archive member.

    Attributes:
        name: its path in the archive.
        kind: file, folder, link, or a description of a kind that is refused.
        open: opens a file for reading.
        target: path that a link points to, relative to the top of the archive.
    """

    name: str
    kind: str
    open: Callable[[], IO[bytes]]
    target: str = ""


def is_unpacked(folder: Path, stamp: str) -> bool:
    """True if `unpack` completed `folder` from the archive with this `stamp`."""
    try:
        return (folder / _STAMP).read_text(encoding="utf-8") == stamp
    except (OSError, UnicodeDecodeError):
        return False


def unpack(archive: Path, folder: Path, stamp: str) -> None:
    """Unpack a tar (plain, gzip, bzip2, xz) or zip archive as `folder`.

    The archive is unpacked into a temporary folder beside it, which is renamed when it is complete;
    leftovers of an earlier attempt are removed. If the archive has a top-level folder of that name,
    only this one is kept. Only plain files and folders are written, no links.

    Args:
        archive: the file.
        folder: folder to make; one that was unpacked from another archive is replaced.
        stamp: checksum of the archive, for `is_unpacked`.

    Raises:
        UserError: the archive is missing, damaged or truncated, a member is a device or leads out
            of the folder, or the folder cannot be written or is the user's. It is then unchanged.
    """
    if is_unpacked(folder, stamp):
        return
    if folder.exists() and not (folder / _STAMP).is_file():
        raise UserError(f"{folder}: exists, but was not unpacked by wsss; move it away")
    unfinished = folder.with_name(f".{folder.name}.unpacking")
    replaced = folder.with_name(f".{folder.name}.replaced")
    log.info("unpack %s", archive)
    try:
        _remove(replaced)
        _remove(unfinished)
        unfinished.mkdir(parents=True)
        _write_all(archive, unfinished)
        whole = unfinished / folder.name
        whole = whole if whole.is_dir() else unfinished
        write_text(whole / _STAMP, stamp)
        # rename before removal: a half removed folder must not look complete
        if folder.exists():
            folder.replace(replaced)
        whole.replace(folder)
        _remove(replaced)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _write_all(archive: Path, folder: Path) -> None:
    count = 0
    for member in track(_members(archive), f"unpack {archive.name}"):
        _refuse_unsafe(archive, member)
        try:
            _write(archive, member, folder / posixpath.normpath(member.name))
        except OSError as error:
            if error.errno in _UNWRITABLE:
                raise
            reason = f"{member.name[:80]!r} cannot be written ({error.strerror})"
            raise UserError(f"{archive}: {reason}; archive refused") from error
        count += member.kind == "file"
    if not count:
        raise UserError(f"{archive}: the archive holds no file")


def _write(archive: Path, member: _Member, path: Path) -> None:
    if member.kind == "folder":
        path.mkdir(parents=True, exist_ok=True)
    elif member.kind == "link":
        log.warning("%s: the link %s is left out", archive, member.name)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(_chunks(archive, member))


def _refuse_unsafe(archive: Path, member: _Member) -> None:
    if "\\" in member.name:
        raise UserError(f"{archive}: {member.name!r} has a backslash; archive refused")
    if _is_outside(member.name) or _is_outside(member.target):
        raise UserError(f"{archive}: {member.name!r} leads out of the folder; archive refused")
    if member.kind not in ("file", "folder", "link"):
        raise UserError(f"{archive}: {member.name!r} is {member.kind}; archive refused")


def _is_outside(path: str) -> bool:
    return posixpath.normpath(path).startswith(("/", "../")) or posixpath.normpath(path) == ".."


def _chunks(archive: Path, member: _Member) -> Iterator[bytes]:
    try:
        with member.open() as source:
            while chunk := source.read(1 << 20):
                yield chunk
    except (*_DAMAGE, OSError) as error:
        raise _damaged(archive, error) from error


def _members(archive: Path) -> Iterator[_Member]:
    """Yield the members; damage becomes a `UserError`."""
    if not archive.is_file():
        raise UserError(f"{archive}: no such file")
    reader = _zip_members if zipfile.is_zipfile(archive) else _tar_members
    try:
        yield from reader(archive)
    except (*_DAMAGE, OSError) as error:
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> UserError:
    reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(":")
    return UserError(f"{archive}: damaged, incomplete or protected ({reason}); fetch it again")


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)
            kind = "folder" if info.is_dir() else "file" if plain else "a link or device"
            yield _Member(info.filename, kind, partial(file.open, info))


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive) as file:
        for info in file:
            yield _Member(info.name, _kind(info), partial(_opened, file, info), _target(info))
        _check_end(file)


def _opened(file: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    member = file.extractfile(info)
    if member is None:
        raise tarfile.ReadError(f"{info.name} is no file")
    return member


def _kind(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return "link"
    return "folder" if info.isdir() else "file" if info.isreg() else "a device or pipe"


def _target(info: tarfile.TarInfo) -> str:
    folder = posixpath.dirname(info.name) if info.issym() else ""
    return posixpath.join(folder, info.linkname)


def _check_end(file: tarfile.TarFile) -> None:
    """Check the end-of-archive block: tarfile takes a missing or broken header for the end.

    Raises:
        tarfile.ReadError: the block of zeros that ends an archive is missing.
    """
    rest = file.fileobj
    ended = rest.tell() - file.offset >= tarfile.BLOCKSIZE
    while ended and (chunk := rest.read(1 << 20)):
        ended = not any(chunk)
    if not ended:
        raise tarfile.ReadError("its end is missing")
