import argparse
from pathlib import Path

import numpy as np
import pytest

from wsss.errors import UserError
from wsss.io.labels import LabelReader, LabelWriter
from wsss.stages import stitch_masks
from wsss.tiles.layout import layout
from wsss.tiles.table import Tile, TileTable

SIZES = {"a": (9, 12), "b": (8, 5)}


@pytest.fixture
def whole():
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 256, size, np.uint8) for name, size in SIZES.items()}


@pytest.fixture
def folder(tmp_path, whole):
    """Tiles of two images, their label maps in two folders, and tiles of another split."""
    tiles = [
        Tile(f"{name}_{number}", name, "val", window, size, Path(f"{name}.png"), "")
        for name, size in SIZES.items()
        for number, window in enumerate(layout(size, 6, 2))
    ]
    other = Tile("c_0", "c", "train", layout((6, 6), 6, 0)[0], (6, 6), Path("c.png"), "")
    TileTable(("cat",), "", (*tiles, other)).write(tmp_path / "tiles.tsv")
    for number, some in enumerate((tiles[:3], tiles[3:])):
        with LabelWriter(tmp_path / f"{number}/labels.tsv") as out:
            for tile in some:
                out.put(tile.tile_id, whole[tile.parent][tile.window.slices])
    return tmp_path


def run(folder, *numbers, split="val"):
    parser = argparse.ArgumentParser()
    stitch_masks.add_arguments(parser)
    labels = [folder / f"{number}/labels.tsv" for number in numbers]
    options = ["--tiles", folder / "tiles.tsv", "--split", split, "--labels", *labels]
    out = folder / "whole/labels.tsv"
    stitch_masks.run(parser.parse_args([*map(str, options), "--out", str(out)]))
    return LabelReader([out])


def test_label_maps_of_crops_become_those_of_the_images(folder, whole):
    stitched = run(folder, 0, 1)
    assert stitched.ids == ("a", "b")
    for name, labels in whole.items():
        np.testing.assert_array_equal(stitched.read(name), labels)


@pytest.mark.parametrize(("numbers", "split"), [((0,), "val"), ((0, 1), "train")])
def test_label_maps_must_be_those_of_the_tiles(folder, numbers, split):
    with pytest.raises(UserError, match="give the label maps of exactly this split"):
        run(folder, *numbers, split=split)
    assert not (folder / "whole").exists()
