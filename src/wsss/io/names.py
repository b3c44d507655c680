"""Image ids as file names, and names of the files of images."""

import os
from collections.abc import Mapping
from os.path import isfile
from pathlib import Path

from wsss.names import has_invisible

MAX_BYTES = 240
"""Maximum length of an image id in UTF-8; most file systems allow 255 bytes with suffixes."""


def name_problem(image_id: str) -> str:
    """Return why an image id cannot be a file name within one folder; empty if it can."""
    if image_id in ("", ".", "..") or "/" in image_id or "\0" in image_id:
        return f"{image_id!r} cannot be the name of a file"
    if has_invisible(image_id):
        return f"{image_id!a} has zero-width or right-to-left signs in its name"
    if len(image_id.encode(errors="surrogatepass")) > MAX_BYTES:
        return (
            f"{image_id!r:.40}... is too long for the name of a file; up to {MAX_BYTES} bytes fit"
        )
    return ""


def is_file(path: Path | str) -> bool:
    """True if the file exists; False for names that are invalid or too long, too.

    Unlike `Path.is_file` it does not raise on such names, and it takes half the time.
    """
    return isfile(path)  # noqa: PTH113


def relative_files(paths: Mapping[str, Path | None]) -> dict[str, str]:
    """Paths relative to the common folder of all images, by image id; the ids if none is known."""
    whole = {key: Path(os.path.abspath(path)) for key, path in paths.items() if path is not None}  # noqa: PTH100
    if not whole:
        return {key: key for key in paths}
    common = os.path.commonpath([path.parent for path in whole.values()])
    return {key: path.relative_to(common).as_posix() for key, path in whole.items()}
