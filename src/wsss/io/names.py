"""Names of files: which can be, and which there are."""

from os.path import isfile
from pathlib import Path

LONGEST = 240
"""Bytes of the longest image id; most file systems allow names of 255, endings included."""


def name_problem(image_id: str) -> str:
    """Say why an image id cannot name a file in a given folder; empty if it can."""
    if image_id in ("", ".", "..") or "/" in image_id or "\0" in image_id:
        return f"{image_id!r} cannot be the name of a file"
    if len(image_id.encode(errors="surrogatepass")) > LONGEST:
        return f"{image_id!r:.40}... is too long for the name of a file; {LONGEST} bytes are not"
    return ""


def is_file(path: Path) -> bool:
    """Tell whether there is such a file; False, too, for what no file can be called.

    `Path.is_file` fails on a name that is too long, and takes twice as long.
    """
    return isfile(path)  # noqa: PTH113
