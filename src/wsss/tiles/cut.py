"""Cutting of large images into tiles, which the other stages treat as images."""

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from wsss.data.check import label_problems
from wsss.data.files import in_threads
from wsss.data.sources.listing import Listing
from wsss.data.sources.table import read_table, split_labels
from wsss.data.taxonomy import NO_CLASS
from wsss.errors import UserError, first_of, raise_problems
from wsss.io.atomic import unwritable, write_text
from wsss.io.cells import escaped
from wsss.io.images import LARGEST, image_size, read_image
from wsss.io.index import Index, Item
from wsss.io.labels import encode_labels, read_labels
from wsss.io.names import name_problem
from wsss.io.progress import log
from wsss.io.provenance import bytes_digest, text_digest
from wsss.tiles.layout import Window, layout
from wsss.tiles.table import LABELS, TABLE, Tile, TileTable

WEAK = 0.25
"""Fraction of the image below which a tile often does not show the classes of the image."""

_IMAGES = "images"
_MASKS = "masks"
_HEADER = ["image", "split", "labels", "mask", "digest", "mask_digest"]
_KEYS = ("image", "top", "left", "labels")

Place = tuple[str, int, int]
"""image id, top, left"""


@dataclass(frozen=True)
class Cut:
    """Images, masks and tiles to cut.

    Attributes:
        index: the images and their labels.
        masks: the masks (H, W) of those images that have one, by image id.
        tiles: the tiles, image by image.
        labels: class names of the tiles that have labels of their own.
    """

    index: Index
    masks: Mapping[str, Path]
    tiles: Sequence[Tile]
    labels: Mapping[Place, tuple[str, ...]]


def plan_tiles(index: Index, side: int, overlap: int) -> list[Tile]:
    """Lay out tiles over every image.

    Args:
        index: the images.
        side: side of a tile, pixels.
        overlap: smallest overlap of neighbours, pixels.

    Returns:
        The tiles, image by image.

    Raises:
        UserError: a tile is larger than an image, in height and in width, or no file could have
            its name.
    """
    sizes = {item: image_size(item.image) for item in index.items}
    small = {item: size for item, size in sizes.items() if max(size) < side}
    if small:
        summary = (
            f"dataset.tiles.size: {side} pixels are more than {len(small)} of {len(sizes)} images "
            "have; take smaller tiles or leave these images out:"
        )
        others = [f"{item.image}: {w} x {h} pixels" for item, (h, w) in small.items()]
        raise UserError("\n".join([summary, *others]))
    tiles = [Tile.of(i, w, size) for i, size in sizes.items() for w in layout(size, side, overlap)]
    wrong = {tile.file: problem for tile in tiles if (problem := name_problem(tile.tile_id))}
    raise_problems("names of tiles", [f"{file}: {problem}" for file, problem in wrong.items()])
    return tiles


def read_tile_labels(
    path: Path, listing: Listing, tiles: Sequence[Tile]
) -> dict[Place, tuple[str, ...]]:
    """Read the table of tiles that have labels of their own.

    Args:
        path: CSV table with the columns `image` (as the data set lists it, or its id), `top` and
            `left` (pixels) and `labels` (as in `wsss.data.sources.csv`).
        listing: the images and classes.
        tiles: all tiles.

    Returns:
        The labels by the position of their tile.

    Raises:
        UserError: all mistakes in the table, one line each.
    """
    rows, problems = read_table(path, _KEYS)
    # images can be named by path or id
    ids = {image_id: image_id for image_id in listing.ids}
    ids |= {str(r.image): i for r, i in zip(listing.records, listing.ids, strict=True)}
    places = {_place(tile) for tile in tiles}
    labels: dict[Place, tuple[str, ...]] = {}
    for row in rows:
        image, top, left = (row.fields[key] for key in ("image", "top", "left"))
        place = ids.get(image, ""), _pixel(top), _pixel(left)
        names = split_labels(row.fields["labels"])
        at = _place_problem(place, (image, top, left), places, labels)
        wrong = [at] if at else label_problems(names, listing.names)
        problems += [f"{path.name}:{row.line}: {text}" for text in wrong]
        labels[place] = names
    raise_problems(path, problems)
    _warn_foreign(path, listing, labels)
    return labels


def cut_tiles(cut: Cut, mask_source: str, out: Path, threads: int) -> None:
    """Write the tiles; their table of positions is completed last.

    Args:
        cut: images, masks and tiles.
        mask_source: source of the masks, in words.
        out: folder to write, empty or of an earlier call; see `wsss.tiles.table`.
        threads: images cut at a time.

    Raises:
        UserError: the folder holds something else, or cannot be written.
    """
    table = TileTable(cut.index.class_names, mask_source, tuple(cut.tiles))
    _clear(out, table)
    groups = [(cut.index.by_id[i], list(g)) for i, g in groupby(cut.tiles, lambda t: t.parent)]
    rows = in_threads(lambda group: _cut(cut, *group, out), groups, "cut tiles", threads)
    # the digest of labels.csv in the table marks the folder as complete
    text = io.StringIO()
    written = [_HEADER, *(row for part in rows for row in part)]
    csv.writer(text, lineterminator="\n").writerows([map(escaped, row) for row in written])
    write_text(out / LABELS, text.getvalue())
    replace(table, labels=text_digest(text.getvalue())).write(out / TABLE)


def warn_weak_labels(cut: Cut) -> None:
    """Warn if tiles inherit image labels although they show only a small part of the image."""
    inheriting = [
        tile
        for tile in cut.tiles
        if _place(tile) not in cut.labels and cut.index.by_id[tile.parent].classes
    ]
    fractions = [_fraction(tile.window, tile.size) for tile in inheriting]
    if fractions and median(fractions) < WEAK:
        log.warning(
            "%d tiles inherit the labels of their image, but show %.0f %% of it: many will not "
            "show the class; take larger tiles or give labels of tiles in dataset.tiles.labels",
            len(inheriting),
            100 * median(fractions),
        )


def _clear(out: Path, table: TileTable) -> None:
    """Remove earlier tiles and write the table of positions, which marks the folder as ours."""
    parts = [out / name for name in (LABELS, _IMAGES, _MASKS)]
    if not (out / TABLE).is_file() and any(part.exists() for part in parts):
        raise UserError(f"{out}: holds {LABELS} or images, but no tiles; name another folder")
    try:
        (out / LABELS).unlink(missing_ok=True)
        table.write(out / TABLE)
        for folder in parts[1:]:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
    except OSError as error:
        raise unwritable(out, error) from error


def _cut(cut: Cut, item: Item, tiles: Sequence[Tile], out: Path) -> list[list[str]]:
    """Write the tiles of one image; return their rows of labels.csv."""
    image = read_image(item.image, LARGEST, item.white)
    mask = read_labels(cut.masks[item.image_id]) if item.image_id in cut.masks else None
    names = tuple(cut.index.class_names[number] for number in item.classes) or (NO_CLASS,)
    rows = []
    for tile in tiles:
        path, digest = _write(out, _IMAGES, tile, _png(image[tile.window.slices]))
        shown = mask_digest = ""
        if mask is not None:
            labels = encode_labels(mask[tile.window.slices])
            shown, mask_digest = _write(out, _MASKS, tile, labels)
        own = cut.labels.get(_place(tile), names)
        rows.append([path, tile.split, ";".join(own), shown, digest, mask_digest])
    return rows


def _write(out: Path, folder: str, tile: Tile, data: bytes) -> tuple[str, str]:
    """Write a PNG; return its path below the folder and the digest of its content."""
    path = Path(folder, f"{tile.tile_id}.png")
    try:
        (out / path).write_bytes(data)
    except OSError as error:
        raise unwritable(out / path, error) from error
    return path.as_posix(), bytes_digest(data)


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def _warn_foreign(path: Path, listing: Listing, labels: Mapping[Place, tuple[str, ...]]) -> None:
    """Warn about tiles with a label that their image does not have."""
    known = dict(zip(listing.ids, (r.labels for r in listing.records), strict=True))
    foreign = [
        place for place, names in labels.items() if set(names) - {NO_CLASS, *known[place[0]]}
    ]
    if foreign:
        shown = first_of([f"{image} at top {top}, left {left}" for image, top, left in foreign])
        log.warning(
            "%s: tiles with a label that their image lacks: %d; %s", path, len(foreign), shown
        )


def _pixel(text: str) -> int:
    """Parse a number of pixels; -1 if it is none."""
    return int(text) if text.isdecimal() and len(text) < 10 else -1


def _place(tile: Tile) -> Place:
    return tile.parent, tile.window.top, tile.window.left


def _place_problem(
    place: Place,
    written: tuple[str, str, str],
    places: set[Place],
    seen: Mapping[Place, tuple[str, ...]],
) -> str:
    """Problem of the position in a row: no tile, or one listed before; "" = none."""
    image, top, left = written
    if not place[0]:
        return f"no image {image!r} in the data set"
    if place not in places:
        own = [corner for parent, *corner in places if parent == place[0]]
        tops, lefts = (", ".join(map(str, sorted(set(axis)))) for axis in zip(*own, strict=True))
        at = f"top {top:.20}, left {left:.20}"
        return f"{image} has no tile at {at}; its tiles have top {tops} and left {lefts}"
    return f"this tile of {image} is listed twice" if place in seen else ""


def _fraction(window: Window, size: tuple[int, int]) -> float:
    return window.height * window.width / (size[0] * size[1])
