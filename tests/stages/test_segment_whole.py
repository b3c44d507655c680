import argparse
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image

from tests.listed import listed
from wsss.config.resolve import load, runs
from wsss.config.slices import slice_json
from wsss.engine.checkpoint import save_model
from wsss.errors import UserError
from wsss.io.labels import LabelReader
from wsss.nn import segmenters
from wsss.nn.backbones import build
from wsss.stages import predict, segment_whole
from wsss.stages.parts import weights_of
from wsss.tiles.layout import layout
from wsss.tiles.table import Tile, TileTable

SIZES = {"a": (40, 56), "b": (37, 61), "c": (32, 32)}
SPLITS = {"a": "val", "b": "val", "c": "train"}
CLASSES = ("cat", "dog")
WEIGHTS = [{"backbone": "tiny", "source": "tiny.pth", "licence": "MIT"}]
INFER = {"scales": [1.0], "flip": False, "crf": {"iterations": 0}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, and the table of the tiles of two images; it names one of another split."""
    path = tmp_path_factory.mktemp("whole")
    torch.manual_seed(0)
    net = segmenters.build("deeplab_v3plus", build("tiny"), 3, width=8)
    backbone = {"name": "tiny", "output_stride": None}
    meta = {"segmenter": "deeplab_v3plus", "options": {"width": 8}, "backbone": backbone}
    save_model(path / "model.pt", net, "segmenter", classes=CLASSES, weights=WEIGHTS, **meta)
    rng = np.random.default_rng(0)
    for name, size in SIZES.items():
        image = Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8))
        image.save(path / f"photos-{name}.png")
    tiles = [
        Tile.of(replace(listed(path / f"photos-{name}.png"), image_id=name, split=split), *place)
        for name, split in SPLITS.items()
        for place in product(layout(SIZES[name], 32, 8), [SIZES[name]])
    ]
    TileTable(CLASSES, "", tuple(tiles)).write(path / "tiles.tsv")
    return path


def run(folder, out, name="all"):
    parser = argparse.ArgumentParser()
    segment_whole.add_arguments(parser)
    config = runs(load({"segment": {"infer": INFER}}))["psa"]
    files = ["--tiles", folder / "tiles.tsv", "--model", folder / "model.pt", "--out", out]
    part = ["--split", "val", "--part", name, "--config", slice_json("segment_whole", config)]
    segment_whole.run(parser.parse_args([*map(str, files), *part]))
    return LabelReader([out])


def test_masks_are_those_that_predict_draws(folder, tmp_path):
    for name in "ab":
        parser = argparse.ArgumentParser()
        predict.add_arguments(parser)
        paths = [folder / "model.pt", folder / f"photos-{name}.png", tmp_path / name]
        predict.run(parser.parse_args([*map(str, paths), "--tile", "32", "--overlap", "8"]))
    masks = run(folder, tmp_path / "whole/labels.tsv")
    assert masks.ids == ("a", "b")
    for name in masks.ids:
        drawn = LabelReader([tmp_path / name / "labels.tsv"]).read(f"photos-{name}")
        np.testing.assert_array_equal(masks.read(name), drawn)


def test_the_record_names_the_weights_of_the_network(folder, tmp_path):
    run(folder, tmp_path / "labels.tsv")
    assert weights_of([tmp_path / "labels.tsv"]) == WEIGHTS


def test_parts_divide_the_images(folder, tmp_path):
    names = [f"{i}-of-3" for i in (1, 2, 3)]
    parts = [run(folder, tmp_path / f"parts/{name}.tsv", name).ids for name in names]
    assert sum(parts, ()) == ("a", "b") and () in parts


def test_an_image_must_be_the_one_that_was_cut(folder, tmp_path):
    Image.new("RGB", (56, 41)).save(folder / "photos-a.png")
    with pytest.raises(UserError, match=r"photos-a\.png: changed since"):
        run(folder, tmp_path / "labels.tsv")
    assert not (tmp_path / "labels.tsv").exists()
