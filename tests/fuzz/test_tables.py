"""Tables of any content are read, or refused in one line each."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.fuzz.damage import FEW, MANY, damaged
from wsss.config.dataset import Dataset
from wsss.data.check import check_listing
from wsss.data.sources import csv as table
from wsss.data.sources import inputs
from wsss.errors import UserError
from wsss.io.index import Index, Item, Masks
from wsss.tiles.layout import Window
from wsss.tiles.table import Tile, TileTable

HEAD = b"image,split,labels,mask\n"
GOOD = HEAD + b'a.png,train,cat;dog,\n"b.png",val,background,b.png\n'
FIELDS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["train", "val", "cat", "a.png", "../a.png", "/etc/passwd", ".", "..", "a/../../b", "x" * 300]
)
ROWS = st.lists(st.lists(FIELDS, min_size=3, max_size=5), max_size=6)
DIGEST = "0" * 16


def listed(folder, data):
    """The listing of a table with these bytes, checked; None after a one-line refusal."""
    (folder / "labels.csv").write_bytes(data)
    dataset = Dataset(source="csv", root=str(folder))
    parts = inputs(dataset)
    assert set(parts) == {"train", "val"}
    try:
        listing = table.read(dataset, folder)
        check_listing(listing, dataset)
    except UserError as error:
        assert str(folder) in str(error)
        return None
    return listing


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("L", (4, 3)).save(tmp_path / name)
    return tmp_path


@MANY
@given(data=st.binary(max_size=200) | st.binary(max_size=60).map(HEAD.__add__) | damaged(GOOD))
def test_labels_of_any_bytes(folder, data):
    listed(folder, data)


@MANY
@given(rows=ROWS)
def test_every_row_is_listed_refused_or_of_another_split(folder, rows):
    text = io.StringIO()
    csv.writer(text).writerows([["image", "split", "labels"], *rows])
    (folder / "labels.csv").write_bytes(text.getvalue().encode())
    listed(folder, text.getvalue().encode())
    try:
        found, problems = table.read_table(folder / "labels.csv", ("image", "split", "labels"))
    except UserError:
        return
    blank = sum(not any(field.strip() for field in row) for row in rows)
    assert len(found) + len(problems) + blank == len(rows)


@MANY
@given(data=st.binary(max_size=200) | damaged(GOOD) | st.just(GOOD))
def test_a_listing_that_passes_is_that_of_the_intact_table_or_of_other_words(folder, data):
    listing = listed(folder, data)
    for record in listing.records if listing else ():
        assert (folder / record.image).is_file() and record.split in ("train", "val")


def tables(folder):
    """Files of the other tables, with what reads them."""
    names = [folder / "index.tsv", folder / "masks.tsv", folder / "tiles.tsv"]
    index, masks, tiles = names
    item = Item("a", "train", folder / "a.png", DIGEST, (1,))
    Index(("cat", "dog"), (item,)).write(index)
    Masks("by hand", {"a": folder / "b.png"}, {"a": DIGEST}).write(masks)
    tile = Tile("a_0", "a", "train", Window(0, 0, 32, 32), (64, 64), folder / "a.png", DIGEST)
    TileTable(("cat", "dog"), "by hand", (tile,)).write(tiles)
    return zip(names, (Index.read, Masks.read, TileTable.read), strict=True)


@FEW
@given(draw=st.data())
def test_tables_of_the_workflow_are_read_or_named(folder, draw):
    for path, read in tables(folder):
        intact = read(path)
        data = path.read_bytes()
        path.write_bytes(draw.draw(damaged(data) | st.binary(max_size=100)))
        same = path.read_bytes() == data
        try:
            assert (read(path) == intact) or not same
        except UserError as error:
            assert path.name in str(error) and not same
