"""A folder of tiles that `wsss make-tiles` cut: a csv data set, with a table of where they lie.

labels.csv    image, split, labels, mask and digests of every tile
tiles.tsv     where each tile lies in which image; finished when it has the digest of labels.csv
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
from wsss.io.checksummed import add_checksum, verify_checksum
from wsss.io.index import Item
from wsss.io.names import name_problem
from wsss.io.provenance import file_digest
from wsss.tiles.layout import Window

LABELS = "labels.csv"
TABLE = "tiles.tsv"

_SIZE = ("image_height", "image_width")
_COLUMNS = ["tile", "image", "split", *Window._fields, *_SIZE, "file", "digest"]
_REMEDY = "delete it and run the same command again"


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
        digest: first 16 hexadecimal digits of the SHA-256 of that file.
    """

    tile_id: str
    parent: str
    split: str
    window: Window
    size: tuple[int, int]
    file: Path
    digest: str

    @classmethod
    def of(cls, image: Item, window: Window, size: tuple[int, int]) -> Self:
        """Return the tile of an image of `size` (H, W) that lies at a window."""
        name = f"{image.image_id}__{window.top:05d}_{window.left:05d}"
        return cls(name, image.image_id, image.split, window, size, image.image, image.digest)

    @property
    def image(self) -> Item:
        """The image that it was cut from."""
        return Item(self.parent, self.split, self.file, self.digest, ())


@dataclass(frozen=True)
class TileTable:
    """All tiles of a data set.

    Attributes:
        class_names: the classes in the order of their ids.
        mask_source: where the masks of the images come from, in words; empty if there are none.
        tiles: image by image, in the order of their layout.
        labels: digest of `labels.csv`; empty while the tiles are being cut.
    """

    class_names: tuple[str, ...]
    mask_source: str
    tiles: tuple[Tile, ...]
    labels: str = ""

    def images(self, split: str) -> list[list[Tile]]:
        """Return the tiles of every image of a split."""
        mine = (tile for tile in self.tiles if tile.split == split)
        return [list(group) for _, group in groupby(mine, lambda tile: tile.parent)]

    def write(self, path: Path) -> None:
        """Write the table (tab-separated text, its checksum last), whole or not at all."""
        facts = {"classes": self.class_names, "masks": self.mask_source, "labels": self.labels}
        rows = [
            [t.tile_id, t.parent, t.split, *t.window, *t.size, t.file, t.digest] for t in self.tiles
        ]
        table = ("\t".join(map(str, row)) for row in (_COLUMNS, *rows))
        write_text(path, add_checksum("\n".join([f"#{json.dumps(facts)}", *table, ""])))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table written by `write`.

        Raises:
            UserError: naming the file, if it is missing, damaged or no such table.
        """
        try:
            head, columns, *lines = verify_checksum(path.read_bytes().decode()).split("\n")
            meta = json.loads(head.removeprefix("#"))
            if columns.split("\t") != _COLUMNS:
                raise ValueError("other columns")
            tiles = tuple(_tile(line.split("\t")) for line in lines if line)
            return cls(tuple(meta["classes"]), meta["masks"], tiles, meta["labels"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: not a table of tiles ({error}); {_REMEDY}") from error


def read(root: Path) -> Listing:
    """List the tiles of a folder.

    Raises:
        UserError: if the folder is not finished, or one of its tables was changed.
    """
    table, labels = TileTable.read(root / TABLE), root / LABELS
    if not labels.is_file() or file_digest(labels) != table.labels:
        raise UserError(f"{labels}: not the table that was written with the tiles; {_REMEDY}")
    dataset = Dataset(source="csv", root=str(root), classes=list(table.class_names))
    listing = csv.read(dataset, root)
    return replace(listing, mask_source=listing.mask_source and table.mask_source)


def _tile(fields: list[str]) -> Tile:
    tile_id, parent, split, *place, file, digest = fields
    if wrong := name_problem(tile_id) or name_problem(parent):
        raise ValueError(wrong)
    *window, height, width = map(int, place)
    return Tile(tile_id, parent, split, Window(*window), (height, width), Path(file), digest)
