"""Trainings of the stages that end early, by images that they hold out."""

import argparse
import logging
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.listed import listed
from wsss.config.resolve import load, runs
from wsss.config.segmenter import SegmenterTrain
from wsss.config.slices import slice_json
from wsss.config.training import ClassifierTrain
from wsss.engine.checkpoint import load_model
from wsss.io.index import Index, Item
from wsss.io.labels import LabelWriter
from wsss.stages import train_cam, train_segmenter
from wsss.stages.classifier_validation import of_classifier
from wsss.stages.held_out import can_be_ranked, divide
from wsss.stages.segmenter_validation import of_segmenter

STOP = {"held_out": 0.25, "every": 2, "patience": 1}
TRAIN = {"steps": 40, "batch_size": 4, "crop": 48, "lr": 1e-6, "early_stopping": STOP}
CONFIG = {
    "cam": {"train": {**TRAIN, "resize": [40, 60]}},
    "segment": {"train": {**TRAIN, "init": "backbone"}, "deeplab_v3plus": {"width": 8}},
}


CLASSIFIER = argparse.Namespace(logits=torch.nn.Identity(), cam=torch.nn.Identity())


def items(*labels: tuple[int, ...]) -> list[Item]:
    return [Item(str(i), "train", Path("x"), "0", found) for i, found in enumerate(labels)]


# ---- division ----


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([(0,), (1,)], True),
        ([(0,), ()], True),
        ([(0, 1), (0,)], True),
        ([(0,), (0,)], False),
        ([(), ()], False),
        ([(0,)], False),
        ([], False),
    ],
)
def test_images_can_be_ranked_if_a_class_tells_them_apart(labels, expected):
    assert can_be_ranked(items(*labels)) == expected


def test_without_early_stopping_all_images_are_learnt():
    images = items(*[(0,), (1,)] * 10)
    assert divide(images, ClassifierTrain(), 0, can_be_ranked) == (images, ())


@pytest.mark.parametrize("labels", [[(0,), (1,)], [(0,)] * 40], ids=["two", "alike"])
def test_too_few_images_are_all_learnt_and_the_log_says_so(labels, monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("wsss"), "propagate", True)
    images = items(*labels)
    found = divide(images, ClassifierTrain(early_stopping=STOP), 0, can_be_ranked)
    assert found == (images, ())
    assert f"{len(images)} images are too few to hold some out" in caplog.text


def test_without_held_out_images_there_is_no_early_end():
    assert of_classifier((), 2, ClassifierTrain(early_stopping=STOP), 0, CLASSIFIER) is None
    assert of_segmenter([], SegmenterTrain(early_stopping=STOP), torch.nn.Identity()) is None


# ---- samples ----


def test_a_held_out_image_is_shown_whole(tmp_path):
    Image.new("RGB", (90, 45), "red").save(tmp_path / "a.png")
    train = ClassifierTrain(crop=64, early_stopping=STOP)
    images = [listed(tmp_path / "a.png")]
    sample = of_classifier(images, 2, train, 0, CLASSIFIER).images.samples[0, 0]
    top, left, bottom, right = sample["inside"].tolist()
    assert (bottom - top, right - left) == (32, 64)


# ---- stages ----


@pytest.fixture
def run(tmp_path):
    """Run a stage on sixteen images of two classes, with the history that it writes."""
    rng = np.random.default_rng(0)
    found = []
    with LabelWriter(tmp_path / "labels/labels.tsv") as labels:
        for i in range(16):
            path = tmp_path / f"{i}.png"
            Image.fromarray(rng.integers(0, 256, (48, 60, 3), np.uint8)).save(path)
            found.append(listed(path, (i % 2,)))
            labels.put(found[-1].image_id, rng.integers(0, 3, (48, 60), np.uint8))
    Index(("cat", "dog"), tuple(found)).write(tmp_path / "index.tsv")

    def stage(module, *arguments):
        (config,) = runs(load(CONFIG)).values()
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        place = partial(Path.joinpath, tmp_path)
        paths = {"index": "index.tsv", "out": "model.pt", "history": "h.csv", "work": "work"}
        words = [word for name, file in paths.items() for word in (f"--{name}", str(place(file)))]
        words += ["--config", slice_json(module.__name__.rpartition(".")[2], config), *arguments]
        module.run(parser.parse_args(words))
        return pd.read_csv(tmp_path / "h.csv", comment="#")

    return stage


@pytest.mark.parametrize(
    ("module", "kind", "metric"),
    [(train_cam, "classifier", "mAP"), (train_segmenter, "segmenter", "mIoU")],
    ids=["classifier", "segmenter"],
)
def test_a_training_that_learns_nothing_ends_early(run, tmp_path, module, kind, metric):
    labels = [str(tmp_path / "labels/labels.tsv")]
    history = run(module, *(["--labels", *labels] if module is train_segmenter else []))
    # a tiny rate changes no rank, but may move pixels on the edge
    assert history["step"].iloc[-1] < 40
    values = history[f"held_out/{metric}"].dropna()
    assert values.between(0, 1).all()
    assert values.iloc[-1] <= values.iloc[:-1].max()
    assert load_model(tmp_path / "model.pt", kind).meta["config"]
