import argparse

import numpy as np
import pytest
from PIL import Image

from wsss.config.model import Config
from wsss.config.slices import slice_json
from wsss.errors import UserError
from wsss.io.index import Index, Item
from wsss.io.maps import MapsReader, MapsWriter
from wsss.stages import make_boundaries
from wsss.stages.parts import provenance

CLASSES = {"a": (0, 2), "b": (), "c": (1,), "d": (0,)}
LABELS = 4


@pytest.fixture
def run(tmp_path):
    """`run("--refined", record)` makes the maps of the four images; returns what was written."""
    items = tuple(Item(n, "train", tmp_path / f"{n}.png", "", c) for n, c in CLASSES.items())
    for item in items:
        Image.new("RGB", (9, 6)).save(item.image)
    Index(("x", "y", "z"), items).write(tmp_path / "index.tsv")

    def run(*source, part="all"):
        parser = argparse.ArgumentParser()
        make_boundaries.add_arguments(parser)
        options = {"--index": tmp_path / "index.tsv", "--split": "train", "--part": part}
        out = tmp_path / "out" / ("maps.tsv" if part == "all" else f"parts/{part}.tsv")
        options |= {"--out": out, "--config": slice_json("make_boundaries", Config())}
        words = [str(word) for option in options.items() for word in option]
        make_boundaries.run(parser.parse_args([*words, *map(str, source)]))
        return MapsReader([out])

    return run


def posteriors(classes, left):
    """Background in the left columns, the last class in the others, each almost certain."""
    maps = np.zeros((len(classes) + 1, 6, 9), np.uint8)
    maps[0, :, :left], maps[-1, :, left:] = 250, 250
    return maps


@pytest.fixture
def crf(tmp_path):
    with MapsWriter(tmp_path / "crf/maps.tsv") as out:
        for name, classes in CLASSES.items():
            low, high = (posteriors(classes, left) for left in (3, 5))
            low[0, :, 3:5] = 100
            out.put(name, classes=np.array(classes, np.int64), alpha_4=low, alpha_24=high)
    return tmp_path / "crf/maps.tsv"


@pytest.fixture
def folder(tmp_path):
    """Sound maps of the user for every image."""
    (tmp_path / "maps").mkdir()
    rng = np.random.default_rng(0)
    for name in CLASSES:
        np.save(tmp_path / f"maps/{name}.npy", rng.random((LABELS, 6, 9), np.float32))
    return tmp_path / "maps"


def test_outlines_of_the_mean_over_the_alphas(run, crf):
    maps = run("--refined", crf).read("a")
    assert maps["classes"].tolist() == [0, 2]
    assert maps["boundary"].dtype == np.uint8
    # the mean of the background is 175 between the columns 3 and 5, that of the class 125
    edge = [0, 0, 0, 0, 255, 255, 0, 0, 0]
    assert maps["boundary"].max(axis=1).tolist() == [edge, [0] * 9, edge]


def test_an_image_without_a_class_has_no_boundary(run, crf):
    maps = run("--refined", crf).read("b")
    assert maps["boundary"].shape == (1, 6, 9) and not maps["boundary"].any()


@pytest.mark.parametrize("source", ["--refined", "--folder"])
def test_a_part_holds_its_images(run, crf, folder, source, tmp_path):
    given = crf if source == "--refined" else folder
    assert run(source, given, part="2-of-2").ids == ("c", "d")
    made = (tmp_path / "out/parts/2-of-2.tsv").read_text().splitlines()[0]
    assert made == f"#{provenance(slice_json('make_boundaries', Config()))}"


def test_own_maps_keep_their_size_and_the_labels_of_the_image(run, folder):
    maps = run("--folder", folder).read("a")
    own = np.load(folder / "a.npy")[[0, 1, 3]]
    assert maps["classes"].tolist() == [0, 2]
    assert np.abs(maps["boundary"] / 255 - own).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4", np.uint8])
def test_own_maps_of_any_sound_type(run, folder, dtype):
    own = np.zeros((LABELS, 3, 4), dtype)
    own[1, 1] = 255 if dtype is np.uint8 else 1
    np.save(folder / "d.npy", own)
    boundary = run("--folder", folder).read("d")["boundary"]
    assert boundary.dtype == np.uint8 and boundary[1, 1].tolist() == [255] * 4
    assert boundary.sum() == 255 * 4


BAD = {
    "type": np.zeros((LABELS, 4, 5), np.int64),
    "bool": np.zeros((LABELS, 4, 5), bool),
    "labels": np.zeros((LABELS - 1, 4, 5)),
    "flat": np.zeros((4, 5)),
    "empty": np.zeros((LABELS, 0, 5)),
    "large": np.full((LABELS, 4, 5), 2.0),
    "negative": np.full((LABELS, 4, 5), -0.1),
    "nan": np.full((LABELS, 4, 5), np.nan),
    "turned": np.zeros((LABELS, 50, 40)),
    "pickled": np.array({"a": 1}, object),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_an_unusable_map_is_named_and_nothing_is_written(run, folder, tmp_path, bad):
    np.save(folder / "c.npy", bad, allow_pickle=True)
    with pytest.raises(UserError, match=r"maps/c\.npy: "):
        run("--folder", folder)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"no array", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x08\x00((((((( "],
)
def test_a_damaged_file_is_named(run, folder, content):
    (folder / "c.npy").write_bytes(content)
    with pytest.raises(UserError, match=r"maps/c\.npy: "):
        run("--folder", folder)


def test_only_the_first_of_many_missing_maps_are_listed(run, tmp_path):
    with pytest.raises(UserError) as error:
        run("--folder", tmp_path)
    text = str(error.value)
    assert f"{tmp_path / 'a.npy'}: no such file" in text
    assert "d.npy" not in text and "4 of 4" in text


def test_maps_of_another_kind_are_named(run, tmp_path):
    with MapsWriter(tmp_path / "cam/maps.tsv") as out:
        for name, classes in CLASSES.items():
            out.put(name, classes=np.array(classes, np.int64), cam=np.zeros((len(classes), 2, 2)))
    with pytest.raises(UserError, match=r"cam/maps\.npz: "):
        run("--refined", tmp_path / "cam/maps.tsv")


@pytest.mark.parametrize("source", [[], ["--refined", "x", "--folder", "y"]])
def test_there_is_one_source(run, source):
    with pytest.raises(SystemExit):
        run(*source)


def test_eight_bits_of_zero_and_one_are_a_mistake(run, folder):
    np.save(folder / "c.npy", np.ones((LABELS, 4, 5), np.uint8))
    with pytest.raises(UserError, match="holds only 0 and 1 of"):
        run("--folder", folder)


def test_crf_maps_of_other_labels_are_refused(run, tmp_path):
    with MapsWriter(tmp_path / "crf/maps.tsv") as out:
        for name in CLASSES:
            out.put(name, classes=np.array([1]), alpha_4=np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(UserError, match=r"crf/maps\.npz: .* image a: .* \[1\] instead of \[0, 2\]"):
        run("--refined", tmp_path / "crf/maps.tsv")


def test_crf_maps_of_a_part_of_the_image_are_refused(run, tmp_path):
    with MapsWriter(tmp_path / "crf/maps.tsv") as out:
        for name, classes in CLASSES.items():
            out.put(name, classes=np.array(classes, int), alpha_4=posteriors(classes, 3)[:, 1:])
    with pytest.raises(
        UserError, match=r"crf/maps\.npz: .* \(3, 5, 9\) instead of uint8 \(3, 6, 9\)"
    ):
        run("--refined", tmp_path / "crf/maps.tsv")
