"""Masks in colours, as CVAT, datumaro and `wsss export cvat` write them.

`labelmap.txt` has a line `name:r,g,b:parts:actions` per label; lines that start with # are
comments. Black is the background, whatever its name. Without any colour the labels have those of
PASCAL VOC, in their order. Source: datumaro, `plugins/data_formats/voc/format.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from wsss.errors import UserError, first_of
from wsss.files import regular
from wsss.io.images import LABEL_FORMATS, decoding, image_size
from wsss.io.labels import IGNORE, mask_problem, palette
from wsss.names import cleaned, folded, is_background

FILE = "labelmap.txt"

_IGNORED = ("ignored", "ignore", "void")
"""Names of what is no class, but not evaluated either."""

Colours = dict[str, int]
"""Name of a label -> its colour 0xRRGGBB."""

_BORDER = 0xE0E0C0
"""Colour of what VOC's masks ignore; its label maps need not list it."""


def read_labelmap(path: Path) -> Colours:
    """Read a label map, in its order.

    Raises:
        UserError: the file cannot be read, or a line is malformed, or two labels have the same
            name or colour.
    """
    try:
        lines = regular(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    rows = list(_rows(path, lines))
    if rows and not any(colour for _, _, colour in rows):
        rows = [(n, name, ",".join(map(str, palette()[i]))) for i, (n, name, _) in enumerate(rows)]
    colours: Colours = {}
    for number, name, text in rows:
        colour = _colour(text)
        if colour is None:
            raise UserError(f"{path}:{number}: no colour r,g,b from 0 to 255 of {name!r}")
        if name in colours or colour in colours.values():
            raise UserError(f"{path}:{number}: {name!r} or its colour occurs twice")
        colours[name] = colour
    if not colours:
        raise UserError(f"{path}: lists no label; write name:r,g,b:: per line")
    return colours


def _rows(path: Path, lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """Yield the number of a line, the name and the colour in it."""
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        fields = [field.strip() for field in line.split(":")]
        if len(fields) < 2 or not fields[0]:
            raise UserError(f"{path}:{number}: not of the form name:r,g,b:parts:actions")
        yield number, cleaned(fields[0]), fields[1]


def _colour(text: str) -> int | None:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(p.isascii() and p.isdigit() and int(p) < 256 for p in parts):
        return None
    red, green, blue = map(int, parts)
    return red << 16 | green << 8 | blue


def class_names(colours: Colours) -> list[str]:
    """Return the labels that are classes, in their order."""
    return [n for n, colour in colours.items() if colour and not _is_special(n)]


def _is_special(name: str) -> bool:
    return is_background(name) or folded(name) in _IGNORED


def label_table(colours: Colours, classes: Sequence[str], path: Path) -> dict[int, int]:
    """Return the label of every colour; labels that are no class count as background.

    Raises:
        UserError: a class has no colour, or that of the background.
    """
    known = class_names(colours)
    if missing := [name for name in classes if name not in known]:
        raise UserError(
            f"{path}: has no colour of its own for class {first_of(missing)}; its labels are "
            f"{first_of(known)}"
        )
    ids = {name: number for number, name in enumerate(classes, start=1)}
    table = {_BORDER: IGNORE, 0: 0}
    for name, colour in colours.items():
        table[colour] = IGNORE if folded(name) in _IGNORED else ids.get(name, 0)
    return table


def draw(path: Path, table: Mapping[int, int], image: Path) -> np.ndarray:
    """Read the label map (H, W) uint8 of a mask in colours.

    Args:
        path: the mask.
        table: label of every colour.
        image: its image, which must have the same size.

    Raises:
        UserError: the file cannot be read, has another size or a colour that is not in the table.
    """
    failure = "cannot be read as a mask"
    with decoding(path, path, LABEL_FORMATS, failure, f"{failure}; save it as PNG") as mask:
        pixels = np.asarray(mask.convert("RGB"), np.uint32)
    codes = pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2]
    shown, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    unknown = [
        f"{code >> 16},{code >> 8 & 255},{code & 255} ({count} pixels)"
        for code, count in zip(shown.tolist(), counts.tolist(), strict=True)
        if code not in table
    ]
    if unknown:
        raise UserError(f"{path}: holds colours that {FILE} does not list: {first_of(unknown)}")
    labels = np.array([table[code] for code in shown.tolist()], np.uint8)
    found = labels[places].reshape(codes.shape)
    if wrong := mask_problem(found, image_size(image), IGNORE):
        raise UserError(f"{path}: {wrong}")
    return found
