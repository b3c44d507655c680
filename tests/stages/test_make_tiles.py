import argparse

import numpy as np
import pytest

from wsss.config.resolve import load
from wsss.config.slices import slice_json
from wsss.errors import UserError
from wsss.io.index import Index
from wsss.io.labels import read_labels
from wsss.stages import make_demo, make_tiles, prepare_data
from wsss.tiles.table import TileTable, read_listing

DEMO = {"images": 10, "val_images": 5, "size": 64}


def config(**dataset):
    return load({"dataset": {"demo": DEMO, **dataset}})


def run(stage, config, *arguments):
    parser = argparse.ArgumentParser()
    stage.add_arguments(parser)
    text = slice_json(stage.__name__.rpartition(".")[2], config)
    stage.run(parser.parse_args([*map(str, arguments), "--config", text]))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    run(make_demo, config(), "--out", root / "labels.csv")
    return root


def cut(demo, out, **tiles):
    with_tiles = config(tiles={"size": 48, "overlap": 16, **tiles})
    run(make_tiles, with_tiles, "--root", demo, "--out", out / "tiles.tsv")
    return with_tiles


def test_the_demo_in_tiles_is_a_sound_data_set(demo, tmp_path, caplog):
    with_tiles = cut(demo, tmp_path / "tiles")
    tiles = TileTable.read(tmp_path / "tiles/tiles.tsv").tiles
    assert len({tile.parent for tile in tiles}) == 15 < len(tiles)
    listing = read_listing(with_tiles.dataset, tmp_path / "tiles")
    assert listing.mask_source == "generated with the images"
    with caplog.at_level("INFO", "wsss"):
        out = tmp_path / "index.tsv"
        run(prepare_data, with_tiles, "--root", tmp_path / "tiles", "--out", out)
    assert f"{len(tiles)} images have a mask" in caplog.text


def test_labels_of_tiles_come_from_a_table_below_the_root(demo, tmp_path):
    (demo / "own.csv").write_text("image,top,left,labels\ntrain_0000,0,0,background\n")
    with_tiles = cut(demo, tmp_path / "tiles", labels="own.csv")
    listing = read_listing(with_tiles.dataset, tmp_path / "tiles")
    labels = {i: r.labels for i, r in zip(listing.ids, listing.records, strict=True)}
    assert labels["train_0000__00000_00000"] == ("background",)


def test_a_large_image_is_cut(demo, tmp_path, monkeypatch):
    monkeypatch.setattr("wsss.data.check.WHOLE", 64 * 64 - 1)
    with pytest.raises(UserError, match=r"cut it into tiles: dataset\.tiles"):
        run(prepare_data, config(), "--root", demo, "--out", tmp_path / "index.tsv")
    cut(demo, tmp_path / "tiles")
    assert (tmp_path / "tiles/labels.csv").exists()


def test_a_tile_larger_than_the_images_leaves_nothing(demo, tmp_path):
    with pytest.raises(UserError, match="200 pixels are more than 15 of 15 images have"):
        cut(demo, tmp_path / "tiles", size=200)
    assert not (tmp_path / "tiles").exists()


def test_labels_of_tiles_are_read_off_their_masks(demo, tmp_path):
    off_masks = config(labels_from="masks", tiles={"size": 48, "overlap": 16})
    run(make_tiles, off_masks, "--root", demo, "--out", tmp_path / "tiles/tiles.tsv")
    run(prepare_data, off_masks, "--root", tmp_path / "tiles", "--out", tmp_path / "index.tsv")
    for item in Index.read(tmp_path / "index.tsv").items:
        shown = set(np.unique(read_labels(tmp_path / f"tiles/masks/{item.image_id}.png")))
        assert shown - {0, 255} == {number + 1 for number in item.classes}


def test_without_tiles_there_is_nothing_to_cut(demo, tmp_path):
    with pytest.raises(UserError, match=r"dataset\.tiles is null: set its size"):
        run(make_tiles, config(), "--root", demo, "--out", tmp_path / "tiles/tiles.tsv")


def test_uncut_tiles_are_named(demo):
    with pytest.raises(UserError, match=r"tiles\.tsv: not a table of tiles"):
        read_listing(config(tiles={}).dataset, demo / "JPEGImages")
