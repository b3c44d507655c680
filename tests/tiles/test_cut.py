import csv

import numpy as np
import pytest
from PIL import Image

from wsss.config.dataset import Dataset
from wsss.data.check import check_listing
from wsss.data.sources import csv as table
from wsss.errors import UserError
from wsss.io.images import read_image
from wsss.io.labels import read_labels, write_labels
from wsss.tiles.cut import Cut, cut_tiles, plan_tiles, read_tile_labels, warn_weak_labels
from wsss.tiles.table import TileTable, read_tiles

SIZES = {"img/a.png": (6, 8), "img/b.png": (4, 10), "img/c.png": (6, 8)}
ROWS = ["img/a.png,train,cat,masks/a.png", "img/b.png,train,background,", "img/c.png,val,dog;cat,"]


@pytest.fixture
def data(tmp_path):
    """Three images of noise, one of them with a mask."""
    root, rng = tmp_path / "data", np.random.default_rng(0)
    (root / "img").mkdir(parents=True)
    for name, size in SIZES.items():
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(root / name)
    write_labels(root / "masks/a.png", rng.integers(0, 3, SIZES["img/a.png"], np.uint8))
    (root / "labels.csv").write_text("\n".join(["image,split,labels,mask", *ROWS, ""]))
    return root


def load(root):
    dataset = Dataset(source="csv", root=str(root), classes=["cat", "dog"])
    listing = table.read(dataset, root)
    return listing, *check_listing(listing, dataset)


def cut(root, out, own=None, side=4, overlap=1):
    listing, index, masks = load(root)
    tiles = plan_tiles(index, side, overlap)
    labels = read_tile_labels(root / own, listing, tiles) if own else {}
    cut_tiles(Cut(index, masks.paths, tiles, labels), masks.source, out, 1)
    return tiles


def rows(out):
    with (out / "labels.csv").open(newline="") as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def test_an_image_whose_tiles_no_file_could_be_named_after_is_named(data):
    name = 235 * "a"
    (data / "img/c.png").rename(data / f"img/{name}.png")
    text = (data / "labels.csv").read_text().replace("img/c.png", f"img/{name}.png")
    (data / "labels.csv").write_text(text)
    _, index, _ = load(data)
    with pytest.raises(UserError, match=r"problem in names of tiles:\n.*a\.png: .* is too long"):
        plan_tiles(index, 4, 1)


def test_tiles_are_crops_of_images_and_masks(data, tmp_path):
    for tile in cut(data, tmp_path / "tiles"):
        image = read_image(data / f"img/{tile.parent}.png")[tile.window.slices]
        np.testing.assert_array_equal(
            read_image(tmp_path / f"tiles/images/{tile.tile_id}.png"), image
        )
        mask = tmp_path / f"tiles/masks/{tile.tile_id}.png"
        assert mask.exists() == (tile.parent == "a")
        if mask.exists():
            whole = read_labels(data / "masks/a.png")
            np.testing.assert_array_equal(read_labels(mask), whole[tile.window.slices])


def test_tiles_are_a_data_set_with_the_labels_of_their_images(data, tmp_path):
    tiles = cut(data, tmp_path / "tiles")
    listing = read_tiles(tmp_path / "tiles")
    assert listing.ids == [tile.tile_id for tile in tiles]
    assert listing.names == ("cat", "dog") and listing.mask_source == "column mask of labels.csv"
    index, masks = check_listing(listing, Dataset())
    classes = {(item.image_id[0], item.split, item.classes) for item in index.items}
    assert classes == {("a", "train", (0,)), ("b", "train", ()), ("c", "val", (0, 1))}
    assert set(masks.paths) == {tile.tile_id for tile in tiles if tile.parent == "a"}


def test_the_table_has_the_positions_of_tiles(data, tmp_path):
    tiles = cut(data, tmp_path / "tiles")
    found = TileTable.read(tmp_path / "tiles/tiles.tsv")
    assert found.tiles == tuple(tiles) and found.class_names == ("cat", "dog")
    assert {(tile.size, tile.file) for tile in tiles if tile.parent == "b"} == {
        ((4, 10), data / "img/b.png")
    }
    assert [len(image) for image in found.images("train")] == [6, 3]


def test_tiles_may_carry_their_own_labels(data, tmp_path):
    lines = ["image,top,left,labels", "img/a.png,2,4,dog;cat", "c,0,0,background", ""]
    (data / "own.csv").write_text("\n".join(lines))
    cut(data, tmp_path / "tiles", "own.csv")
    labels = {name[7:-4]: row["labels"] for name, row in rows(tmp_path / "tiles").items()}
    assert labels["a__00002_00004"] == "dog;cat" and labels["a__00000_00000"] == "cat"
    assert labels["c__00000_00000"] == "background" and labels["c__00002_00004"] == "cat;dog"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("img/x.png,0,0,cat", "no image 'img/x.png' in the data set"),
        ("img/a.png,1,0,cat", "no tile at top 1, left 0; its tiles have top 0, 2 and left 0, 2, 4"),
        ("img/a.png,0,left,cat", "no tile at top 0, left left"),
        (f"img/a.png,0,{'9' * 5000},cat", "no tile at top 0, left 9{20};"),
        ("img/a.png,0,0,", "no label; write background"),
        ("img/a.png,0,0,cow", "unknown label 'cow'"),
        ("img/a.png,0,0,cat;background", "background beside other labels"),
        ("img/a.png,2,4,cat", "this tile of img/a.png is listed twice"),
    ],
)
def test_mistakes_in_the_labels_of_tiles(data, tmp_path, row, message):
    lines = ["image,top,left,labels", "img/a.png,2,4,dog", row, ""]
    (data / "own.csv").write_text("\n".join(lines))
    with pytest.raises(UserError, match=f"own.csv:3: .*{message}"):
        cut(data, tmp_path / "tiles", "own.csv")
    assert not (tmp_path / "tiles").exists()


def test_labels_that_the_image_lacks_are_warned_about(data, tmp_path, caplog):
    rows = ["image,top,left,labels", "c,0,0,cat", "a,0,0,background", "a,2,4,cat;dog", ""]
    (data / "own.csv").write_text("\n".join(rows))
    cut(data, tmp_path / "tiles", "own.csv")
    assert "tiles with a label that their image lacks: 1; a at top 2, left 4" in caplog.text


def test_images_smaller_than_a_tile_are_named(data, tmp_path):
    with pytest.raises(UserError) as error:
        cut(data, tmp_path / "tiles", side=9)
    first, *others = str(error.value).split("\n")
    assert first.startswith("dataset.tiles.size: 9 pixels are more than 2 of 3 images have")
    assert [line.partition("img/")[2] for line in others] == [
        "a.png: 8 x 6 pixels",
        "c.png: 8 x 6 pixels",
    ]
    assert not (tmp_path / "tiles").exists()


def test_an_image_may_be_lower_than_a_tile(data):
    _, index, _ = load(data)
    assert {tile.window[2:] for tile in plan_tiles(index, 8, 1)} == {(6, 8), (4, 8)}


@pytest.mark.parametrize(
    ("side", "text"), [(6, ""), (3, "24 tiles inherit the labels of their image, but show 19 %")]
)
def test_weak_labels_are_warned_about(data, caplog, side, text):
    _, index, masks = load(data)
    caplog.clear()
    with caplog.at_level("WARNING", "wsss"):
        warn_weak_labels(Cut(index, masks.paths, plan_tiles(index, side, 1), {}))
    assert text in caplog.text and bool(text) == bool(caplog.text)


def test_a_change_of_pixels_changes_the_table(data, tmp_path):
    cut(data, tmp_path / "tiles")
    before = (tmp_path / "tiles/labels.csv").read_text()
    write_labels(data / "masks/a.png", np.ones(SIZES["img/a.png"], np.uint8))
    cut(data, tmp_path / "tiles")
    assert (tmp_path / "tiles/labels.csv").read_text() != before


def test_other_tiles_replace_earlier_ones(data, tmp_path):
    cut(data, tmp_path / "tiles")
    tiles = cut(data, tmp_path / "tiles", side=6)
    files = {path.stem for path in (tmp_path / "tiles/images").iterdir()}
    assert files == {tile.tile_id for tile in tiles}


@pytest.mark.parametrize("name", ["labels.csv", "tiles.tsv"])
def test_a_changed_table_is_named(data, tmp_path, name):
    cut(data, tmp_path / "tiles")
    path = tmp_path / "tiles" / name
    path.write_text(path.read_text().replace("b", "c", 1))
    with pytest.raises(UserError, match=rf"{name}: not .*; delete it and run the same command"):
        read_tiles(tmp_path / "tiles")


def test_an_interrupted_cut_is_no_data_set(data, tmp_path, monkeypatch):
    cut(data, tmp_path / "tiles")
    monkeypatch.setattr("wsss.tiles.cut.read_labels", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cut(data, tmp_path / "tiles")
    with pytest.raises(
        UserError, match=r"labels\.csv: not the table that was written with the tiles; delete it"
    ):
        read_tiles(tmp_path / "tiles")
    monkeypatch.undo()
    assert cut(data, tmp_path / "tiles")


def test_a_folder_of_the_user_is_left_alone(data):
    before = (data / "labels.csv").read_bytes()
    with pytest.raises(UserError, match=r"holds labels\.csv or images, but no tiles"):
        cut(data, data)
    assert (data / "labels.csv").read_bytes() == before


@pytest.mark.parametrize("text", ["", "#{}\n", "#1\ntile\n", "photo\timage\n1\t2\n"])
def test_a_damaged_table_is_named(tmp_path, text):
    (tmp_path / "tiles.tsv").write_text(text)
    with pytest.raises(UserError, match="not a table of tiles"):
        TileTable.read(tmp_path / "tiles.tsv")
