"""Unlabelled photos of a user: the files in a folder, and the names of their masks."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import category

from wsss.data.files import in_threads
from wsss.data.sources.folders import SUFFIXES
from wsss.data.sources.listing import image_ids
from wsss.errors import UserError, first_of, raise_problems
from wsss.io.images import LARGEST, image_size
from wsss.io.labels import OVERLAYS, RECORD, is_record
from wsss.io.names import name_problem
from wsss.io.progress import log
from wsss.io.resumable import UNFINISHED


class Photo(NamedTuple):
    """One photo.

    Attributes:
        image_id: its name without suffix; in a subfolder `sub__name`.
        path: its file.
        size: (H, W) after the EXIF orientation; (0, 0) if it is damaged.
        damage: error of its header; empty = readable.
    """

    image_id: str
    path: Path
    size: tuple[int, int]
    damage: str = ""


def find_photos(source: Path, results: Path, threads: int = 1, limit: int = LARGEST) -> list[Photo]:
    """Find photos and read their headers; folders of label maps are skipped.

    Args:
        source: a folder, subfolders included, or a single photo of any suffix.
        results: folder to skip if it is inside `source`.
        threads: files read at a time.
        limit: largest number of pixels of a photo.

    Returns:
        The photos, sorted by path.

    Raises:
        UserError: there is none, none can be read, or the ids of some are unusable (one line each).
    """
    files = _files(source, results) if source.is_dir() else [source]
    ids = image_ids([file.relative_to(source) for file in files] if source.is_dir() else files)
    headers = in_threads(lambda file: _header(file, limit), files, "read image headers", threads)
    photos = [Photo(*photo) for photo in zip(ids, files, *zip(*headers, strict=True), strict=True)]
    problems = [*_unnameable(ids, files), *_doubles(ids, files)]
    if problems or all(photo.damage for photo in photos):
        problems += [photo.damage for photo in photos if photo.damage]
        if not source.is_dir():
            raise UserError("\n".join(problems))
        raise_problems(source, problems)
    return photos


def _files(folder: Path, results: Path) -> list[Path]:
    """Photos below a folder; whatever else is there is counted and named in the log."""
    below = sorted(_below(folder))
    # folders of label maps
    drawn = {path.parent for path in below if path.name in (RECORD, UNFINISHED) and is_record(path)}
    for masks in sorted(drawn):
        log.info("%s: holds label maps, no photos; left out", masks)
    drawn |= {masks / OVERLAYS for masks in drawn}
    own = _real(results)
    rest = [path for path in below if path.parent not in drawn and own not in _real(path).parents]
    # hidden files
    hidden = [path for path in rest if _is_hidden(path.relative_to(folder))]
    if hidden:
        names = first_of([ascii(str(path.relative_to(folder))) for path in hidden])
        log.warning("%s: %d hidden files are left out: %s", folder, len(hidden), names)
    shown = [path for path in rest if not _is_hidden(path.relative_to(folder))]
    # photos, and a summary of the others
    files = [path for path in shown if path.suffix.lower() in SUFFIXES and not path.is_dir()]
    others = Counter(map(_kind, shown)) - Counter(map(_kind, files))
    kinds = ", ".join(f"{count} {kind}" for kind, count in others.items())
    if not files:
        found = f"; there are: {kinds}" if kinds else ""
        raise UserError(f"{folder}: no image ({', '.join(sorted(SUFFIXES))}) in this folder{found}")
    if others:
        log.warning("%s: other files are left out: %s", folder, kinds)
    return files


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, and links to folders, which are not followed.

    Raises:
        UserError: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename}: the folder cannot be read ({error.strerror})")

    for place, folders, files in os.walk(folder, onerror=refuse):
        links = [name for name in folders if Path(place, name).is_symlink()]
        yield from (Path(place, name) for name in (*files, *links))


def _kind(path: Path) -> str:
    """Ending of a file, or its name if it has none, for the log."""
    if path.is_dir():
        return "links to folders"
    return ascii(path.suffix or path.name).strip("'")


def _is_hidden(inner: Path) -> bool:
    return any(part.startswith(".") for part in inner.parts)


def _real(path: Path) -> Path:
    """Path without links; unlike `Path.resolve` it raises no error for links to themselves."""
    return Path(os.path.realpath(path))


def _header(path: Path, limit: int) -> tuple[tuple[int, int], str]:
    """Size (H, W) of an image, and the error if it cannot be read."""
    try:
        return image_size(path, limit), ""
    except UserError as error:
        return (0, 0), str(error)


def _unnameable(ids: Sequence[str], files: Sequence[Path]) -> list[str]:
    named = zip(ids, files, strict=True)
    broken = {file: _name_problem(image_id) for image_id, file in named}
    return [f"{str(file)!r}: {wrong}; rename it" for file, wrong in broken.items() if wrong]


def _name_problem(image_id: str) -> str:
    if any(sign in image_id for sign in "\t\r\n"):
        return "has a tab or line break in its name"
    if any(category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in image_id):
        return "has a control character or bytes that are no UTF-8 in its name"
    return name_problem(image_id)


def _doubles(ids: Sequence[str], files: Sequence[Path]) -> list[str]:
    named = defaultdict(list)
    for image_id, file in zip(ids, files, strict=True):
        named[image_id].append(str(file))
    same = [" and ".join(paths) for paths in named.values() if len(paths) > 1]
    return [f"{paths}: their masks would have the same name; rename one" for paths in same]
