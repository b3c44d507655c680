"""Atomic writing of many files as a folder, a zip or a tar."""

import gzip
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from wsss.errors import UserError
from wsss.io.atomic import atomic_path, unwritable

Members = Iterable[tuple[str, bytes]]
"""Relative path, with `/`, and content of each file."""

TARS = (".tar", ".tar.gz", ".tgz")
"""Suffixes of tar archives."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_files(out: Path, members: Members) -> None:
    """Write files as a zip or tar, by the suffix of `out`, otherwise into a folder.

    Archives are reproducible: equal content gives equal bytes, as times are not stored.

    Raises:
        UserError: `out` cannot be written, or is a folder that is not empty.
    """
    if out.name.endswith(".zip"):
        write_zip(out, members)
    elif out.name.endswith(TARS):
        write_tar(out, members)
    else:
        _write_folder(out, members)


def write_zip(out: Path, members: Members) -> None:
    """Write a zip archive.

    Raises:
        UserError: `out` cannot be written.
    """
    with _fresh_file(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)


def write_tar(out: Path, members: Members) -> None:
    """Write a tar archive, compressed unless `out` ends in `.tar`.

    Raises:
        UserError: `out` cannot be written.
    """
    with (
        _fresh_file(out) as temporary,
        _stream(temporary, compressed=not out.name.endswith(".tar")) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


@contextmanager
def _stream(path: Path, compressed: bool) -> Iterator[IO[bytes]]:
    with path.open("wb") as file:
        if not compressed:
            yield file
            return
        # without name and time, so that equal content gives equal bytes
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as stream:
            yield cast(IO[bytes], stream)


@contextmanager
def _fresh_file(out: Path) -> Iterator[Path]:
    refuse_folder(out)
    with atomic_path(out) as temporary:
        yield temporary


def refuse_folder(out: Path) -> None:
    """Check that `out` can be written as a file.

    Raises:
        UserError: `out` is a folder, or one of its parents is a file.
    """
    if out.is_dir():
        raise UserError(f"{out}: is a folder; name a file to write")
    for parent in out.parents:
        if parent.is_file():
            raise UserError(f"{out}: {parent} is a file, not a folder")


def _write_folder(out: Path, members: Members) -> None:
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out}: exists already; delete it or name another folder")
    # written beside `out`, then renamed
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        for name, data in members:
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(out)
    except OSError as error:
        raise unwritable(out, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
