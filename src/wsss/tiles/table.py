"""The folder of tiles that `wsss make-tiles` writes: a csv data set with a table of positions.

labels.csv    image, split, labels, mask and digests of every tile
tiles.tsv     image and position of every tile; complete when it has the digest of labels.csv
images, masks
"""

import json
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Self

from wsss.config.dataset import Dataset
from wsss.data.sources import csv, data_folder, read
from wsss.data.sources.listing import Listing
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.checksummed import add_checksum, verify_checksum
from wsss.io.index import FULL, Item
from wsss.io.names import name_problem
from wsss.io.provenance import file_digest
from wsss.tiles.layout import Window

LABELS = "labels.csv"
TABLE = "tiles.tsv"

_SIZE = ("image_height", "image_width")
_COLUMNS = ["tile", "image", "split", *Window._fields, *_SIZE, "file", "digest", "white"]
_REMEDY = "delete it and run the same command again"


@dataclass(frozen=True)
class Tile:
    """One tile.

    Attributes:
        tile_id: its image id in the index.
        parent: image id of the image it was cut from.
        split: of that image.
        window: its position in that image.
        size: (H, W) of the image.
        file: the image's file.
        digest: first 16 hexadecimal digits of the SHA-256 of that file.
        white: white of the samples if they have 16 bits, see `wsss.io.images.read_image`.
    """

    tile_id: str
    parent: str
    split: str
    window: Window
    size: tuple[int, int]
    file: Path
    digest: str
    white: int = FULL

    @classmethod
    def of(cls, image: Item, window: Window, size: tuple[int, int]) -> Self:
        """Make the tile at a window of an image of `size` (H, W)."""
        name = f"{image.image_id}__{window.top:05d}_{window.left:05d}"
        of_image = (size, image.image, image.digest, image.white)
        return cls(name, image.image_id, image.split, window, *of_image)

    @property
    def image(self) -> Item:
        """Index entry of the image that it was cut from, without labels."""
        return Item(self.parent, self.split, self.file, self.digest, (), self.white)


@dataclass(frozen=True)
class TileTable:
    """All tiles of a data set.

    Attributes:
        class_names: the classes in the order of their ids.
        mask_source: source of the images' masks, in words; empty if there are none.
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
        rows: list[list[object]] = [
            [*_COLUMNS],
            *(
                [t.tile_id, t.parent, t.split, *t.window, *t.size, t.file, t.digest, t.white]
                for t in self.tiles
            ),
        ]
        table = ["\t".join(map(str, row)) for row in rows]
        write_text(path, add_checksum("\n".join([f"#{json.dumps(facts)}", *table, ""])))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table written by `write`.

        Raises:
            UserError: the file is missing, damaged or no such table.
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


def read_listing(dataset: Dataset, root: Path | None = None) -> Listing:
    """List the images of a data set, or their tiles if `dataset.tiles` is set.

    Args:
        dataset: its configuration.
        root: folder of the data or of the tiles; None = `dataset.root`.

    Raises:
        UserError: as `wsss.data.sources.read`, or if the tiles are not cut yet.
    """
    if dataset.tiles is None:
        return read(dataset, root)
    return read_tiles(data_folder(dataset, root))


def read_tiles(root: Path) -> Listing:
    """List the tiles of a folder.

    Raises:
        UserError: the folder is not finished, or one of its tables was changed.
    """
    table, labels = TileTable.read(root / TABLE), root / LABELS
    if not labels.is_file() or file_digest(labels) != table.labels:
        raise UserError(f"{labels}: not the table that was written with the tiles; {_REMEDY}")
    dataset = Dataset(source="csv", root=str(root), classes=list(table.class_names))
    listing = csv.read(dataset, root)
    return replace(listing, mask_source=listing.mask_source and table.mask_source)


def _tile(fields: list[str]) -> Tile:
    """Parse a row; raise a `ValueError` if it is damaged."""
    tile_id, parent, split, *place, file, digest, white = fields
    if wrong := name_problem(tile_id) or name_problem(parent):
        raise ValueError(wrong)
    *window, height, width = map(int, place)
    of_image = ((height, width), Path(file), digest, int(white))
    return Tile(tile_id, parent, split, Window(*window), *of_image)
