"""A folder of tiles that `wsss make-tiles` cut: a csv data set, with a table of where they lie.

labels.csv    image, split, labels, mask and digests of every tile; written last
tiles.tsv     where each tile lies in which image; written first
images, masks
"""

import json
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Self

from wsss.config.dataset import Dataset
from wsss.data.sources import csv
from wsss.data.sources.listing import Listing
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.names import name_problem
from wsss.ops.tiles import Window

LABELS = "labels.csv"
TABLE = "tiles.tsv"

_COLUMNS = ["tile", "image", "split", *Window._fields, "image_height", "image_width", "file"]
_REMEDY = "cut the tiles again with wsss make-tiles"


@dataclass(frozen=True)
class Tile:
    """One tile.

    Attributes:
        tile_id: its image id in the index.
        parent: image id of the image it was cut from.
        split: of that image.
        window: where it lies.
        size: (H, W) of the image.
        file: the image's file.
    """

    tile_id: str
    parent: str
    split: str
    window: Window
    size: tuple[int, int]
    file: Path


@dataclass(frozen=True)
class TileTable:
    """All tiles of a data set.

    Attributes:
        class_names: the classes in the order of their ids.
        mask_source: where the masks of the images come from, in words; empty if there are none.
        tiles: image by image, in the order of their layout.
    """

    class_names: tuple[str, ...]
    mask_source: str
    tiles: tuple[Tile, ...]

    def images(self, split: str) -> list[list[Tile]]:
        """Return the tiles of every image of a split."""
        mine = (tile for tile in self.tiles if tile.split == split)
        return [list(group) for _, group in groupby(mine, lambda tile: tile.parent)]

    def write(self, path: Path) -> None:
        """Write the table (tab-separated text), whole or not at all."""
        head = json.dumps({"classes": self.class_names, "masks": self.mask_source})
        rows = [[t.tile_id, t.parent, t.split, *t.window, *t.size, t.file] for t in self.tiles]
        lines = [f"#{head}", "\t".join(_COLUMNS), *("\t".join(map(str, row)) for row in rows)]
        write_text(path, "\n".join([*lines, ""]))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table written by `write`.

        Raises:
            UserError: naming the file, if it is missing or no such table.
        """
        try:
            head, columns, *lines = path.read_text(encoding="utf-8").split("\n")
            meta = json.loads(head.removeprefix("#"))
            if columns.split("\t") != _COLUMNS:
                raise ValueError("other columns")
            tiles = tuple(_tile(line.split("\t")) for line in lines if line)
            return cls(tuple(meta["classes"]), meta["masks"], tiles)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: not a table of tiles ({error}); {_REMEDY}") from error


def read(root: Path) -> Listing:
    """List the tiles of a folder.

    Raises:
        UserError: if the folder is not finished.
    """
    if not (root / LABELS).is_file():
        raise UserError(f"{root}: not a finished folder of tiles; {_REMEDY}")
    table = TileTable.read(root / TABLE)
    dataset = Dataset(source="csv", root=str(root), classes=list(table.class_names))
    listing = csv.read(dataset, root)
    return replace(listing, mask_source=listing.mask_source and table.mask_source)


def _tile(fields: list[str]) -> Tile:
    tile_id, parent, split, *numbers, file = fields
    top, left, height, width, *size = map(int, numbers)
    height_of_image, width_of_image = size
    if wrong := name_problem(tile_id) or name_problem(parent):
        raise ValueError(wrong)
    window = Window(top, left, height, width)
    return Tile(tile_id, parent, split, window, (height_of_image, width_of_image), Path(file))
