"""Every kind of segmenter from its training to its masks and to ONNX."""

import argparse
import json

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from tests.networks import network
from wsss.cli import main
from wsss.config.resolve import load, runs
from wsss.config.slices import slice_json
from wsss.engine.checkpoint import load_model
from wsss.errors import UserError
from wsss.io.index import Index, Item
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.provenance import bytes_digest
from wsss.nn import segmenters
from wsss.stages import export, predict, train_segmenter

NAMES = [*segmenters.NAMES, "smp/Linknet", "hf/mask2former", "hf/eomt", "hf/segformer"]
TRAIN = {"steps": 1, "batch_size": 2, "crop": 48, "init": "backbone", "precision": "32-true"}
TINY = {"name": "tiny", "weights": None}


@pytest.fixture
def stage(tmp_path):
    """Two images with pseudo labels, and a function that trains a segmenter on them."""
    rng, items = np.random.default_rng(0), []
    (tmp_path / "photos").mkdir()
    with LabelWriter(tmp_path / "labels.tsv") as out:
        for name in "ab":
            file = tmp_path / f"photos/{name}.png"
            Image.fromarray(rng.integers(0, 256, (50, 61, 3), np.uint8)).save(file)
            out.put(name, rng.integers(0, 3, (50, 61)).astype(np.uint8))
            items.append(Item(name, "train", file, bytes_digest(file.read_bytes()), (0, 1)))
    Index(("cat", "dog"), tuple(items)).write(tmp_path / "index.tsv")

    def train(segment):
        raw = {"backbone": TINY, "segment": {"train": TRAIN} | segment}
        (config,) = runs(load(raw)).values()
        parser = argparse.ArgumentParser()
        train_segmenter.add_arguments(parser)
        files = {"index": "index.tsv", "labels": "labels.tsv", "out": "model.pt"}
        files |= {"history": "history.csv", "work": "work"}
        words = [word for key, file in files.items() for word in (f"--{key}", tmp_path / file)]
        words += ["--config", slice_json("train_segmenter", config)]
        train_segmenter.run(parser.parse_args([*map(str, words)]))
        return tmp_path / "model.pt"

    return train


@pytest.mark.parametrize("name", NAMES)
def test_from_training_to_masks_and_onnx(stage, name, tmp_path):
    segment, folder = {"segmenter": name}, tmp_path / "pretrained"
    if name.startswith("hf/"):
        network(name.partition("/")[2]).save_pretrained(folder)
        segment["hf"] = {"weights": str(folder)}
    model = stage(segment)
    meta = load_model(model, "segmenter").meta
    assert meta["segmenter"] == name and json.dumps(meta["options"])
    if folder.exists():
        assert meta["weights"][0]["source"] == "pretrained"
        for file in folder.iterdir():
            file.unlink()
    # masks, without what the training started from
    parser = argparse.ArgumentParser()
    predict.add_arguments(parser)
    places = [model, tmp_path / "photos", tmp_path / "masks"]
    predict.run(parser.parse_args([*map(str, places), "--threads", "1"]))
    assert LabelReader([tmp_path / "masks/labels.tsv"]).read("a").shape == (50, 61)
    # ONNX where the network allows it
    try:
        export.export_onnx(model, tmp_path / "model.onnx")
    except UserError as error:
        assert name.startswith("hf/") and "\n" not in str(error)
        assert "ONNX cannot represent" in str(error) or "ONNX and PyTorch differ" in str(error)
        return
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    image = np.zeros((1, 3, 40, 70), np.float32)
    assert session.run(None, {"image": image})[0].shape == (1, 3, 40, 70)


def test_a_library_that_is_missing_at_prediction(stage, tmp_path, monkeypatch, capsys):
    model = stage({"segmenter": "smp/Linknet"})
    monkeypatch.setattr(segmenters.table, "find_spec", lambda _: None)
    places = [model, tmp_path / "photos", tmp_path / "masks"]
    assert main(["predict", *map(str, places)]) == 2
    error = capsys.readouterr().err
    assert "model.pt: smp/Linknet needs" in error and 'pip install "wsss[smp]"' in error
