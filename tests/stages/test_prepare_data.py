import argparse

import pytest

from wsss.config.model import Config
from wsss.config.resolve import load
from wsss.config.slices import slice_json
from wsss.errors import UserError
from wsss.io.index import Index, Masks
from wsss.stages import make_demo, prepare_data, prepare_masks

CONFIG = {"dataset": {"demo": {"images": 10, "val_images": 5, "size": 64}}}


def run(stage, config: Config, *arguments):
    parser = argparse.ArgumentParser()
    stage.add_arguments(parser)
    name = stage.__name__.rpartition(".")[2]
    json = slice_json(name, config)
    stage.run(parser.parse_args([*map(str, arguments), "--config", json]))


@pytest.fixture
def prepared(tmp_path):
    config = load(CONFIG)
    run(make_demo, config, "--out", tmp_path / "demo/labels.csv")
    run(prepare_data, config, "--root", tmp_path / "demo", "--out", tmp_path / "index.tsv")
    return tmp_path


def test_demo_becomes_an_index(prepared):
    index = Index.read(prepared / "index.tsv")
    assert index.num_classes == 5 and len(index.items) == 15
    assert all(item.image.is_file() for item in index.items)


@pytest.mark.parametrize(("split", "images"), [("train", 10), ("val", 5)])
def test_an_index_of_one_split_has_all_classes(prepared, split, images):
    out = prepared / f"index.{split}.tsv"
    run(prepare_data, load(CONFIG), "--root", prepared / "demo", "--split", split, "--out", out)
    index, whole = Index.read(out), Index.read(prepared / "index.tsv")
    assert len(index.items) == images and index.items == whole.split(split)
    assert index.class_names == whole.class_names


def test_index_says_nothing_about_masks(prepared):
    assert "SegmentationClass" not in (prepared / "index.tsv").read_text()


def test_masks_have_a_table_of_their_own(prepared):
    index, out = prepared / "index.tsv", prepared / "masks.tsv"
    run(prepare_masks, load(CONFIG), "--index", index, "--root", prepared / "demo", "--out", out)
    masks = Masks.read(out)
    assert masks.source == "generated with the images" and len(masks.paths) == 15


def test_without_masks_the_table_is_empty(prepared):
    for path in (prepared / "demo/SegmentationClass").iterdir():
        path.unlink()
    index, out = prepared / "index.tsv", prepared / "masks.tsv"
    run(prepare_masks, load(CONFIG), "--index", index, "--root", prepared / "demo", "--out", out)
    assert Masks.read(out).paths == {}


def test_summary_counts_images_and_classes(prepared, caplog):
    arguments = ["--root", prepared / "demo", "--out", prepared / "index.tsv"]
    with caplog.at_level("INFO", "wsss"):
        run(prepare_data, load(CONFIG), *arguments)
    assert "Training set size: 10, validation set size: 5" in caplog.text
    assert "5 classes, 15 images have a mask" in caplog.text


def test_mistakes_of_all_splits_leave_no_index(prepared):
    for name in ("train_0003", "val_0002"):
        (prepared / f"demo/JPEGImages/{name}.jpg").write_bytes(b"")
    out = prepared / "other.tsv"
    with pytest.raises(UserError, match=r"(?s)^2 problems.*train_0003.*val_0002.* is empty"):
        run(prepare_data, load(CONFIG), "--root", prepared / "demo", "--split", "val", "--out", out)
    assert not out.exists()


def test_masks_are_those_of_the_images_in_the_index(prepared):
    root, index, out = prepared / "demo", prepared / "index.val.tsv", prepared / "masks.val.tsv"
    run(prepare_data, load(CONFIG), "--root", root, "--split", "val", "--out", index)
    run(prepare_masks, load(CONFIG), "--index", index, "--root", root, "--out", out)
    assert set(Masks.read(out).paths) == set(Index.read(index).by_id)
