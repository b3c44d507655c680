"""The same configuration and seed give the same bytes, however the samples are loaded."""

import random

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from PIL import Image

from tests.listed import listed
from tests.methods.cases import CLASSES, make
from wsss.config.training import Train
from wsss.data.augment import RECIPES
from wsss.data.loaders import EpochSampler, make_loader
from wsss.data.sets.affinity import AffinitySet
from wsss.data.sets.boundary import BoundarySet
from wsss.data.sets.classification import ClassificationSet
from wsss.data.sets.segmentation import SegmentationSet
from wsss.engine.checkpoint import Resume, save_model
from wsss.engine.fit import fit
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsReader, MapsWriter

TRAIN = Train(
    epochs=2, batch_size=2, optimizer="adamw", lr=0.001, head_lr_factor=10, bias_lr_factor=2,
    decay_biases=False, momentum=0.9, weight_decay=1e-4, poly_power=0.9,
)  # fmt: skip
SETS = ("classification", "area", "boundary", "affinity", *RECIPES)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Every set of samples on four images, and every augmentation of the segmenter's."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    maps = MapsWriter(folder / "maps.tsv")
    labels = LabelWriter(folder / "labels/labels.tsv")
    items = []
    with maps, labels:
        for i in range(4):
            path = folder / f"{i}.png"
            Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)).save(path)
            item = listed(path, (0, i % CLASSES)[: 1 + bool(i % CLASSES)])
            items.append(item)
            scores = rng.integers(0, 256, (1 + len(item.classes), 48, 64), np.uint8)
            classes = np.array(item.classes, np.int64)
            maps.put(item.image_id, low=scores, high=scores, boundary=scores, classes=classes)
            labels.put(item.image_id, rng.integers(0, CLASSES + 1, (48, 64), np.uint8))
    read, drawn = MapsReader([folder / "maps.tsv"]), LabelReader([folder / "labels/labels.tsv"])
    return {
        "classification": ClassificationSet(items, CLASSES, (40, 80), 32),
        "area": ClassificationSet(items, CLASSES, crop=32, jitter_probability=0.5, area=(0.1, 1)),
        "boundary": BoundarySet(items, read, CLASSES, (40, 80), 32),
        "affinity": AffinitySet(items, read, "low", "high", 32),
        **{name: SegmentationSet(items, drawn, crop=32, augmentation=name) for name in RECIPES},
    }


def train(dataset, folder, workers):
    task = make("psa")
    fit(
        Fabric(accelerator="cpu", devices=1),
        task,
        dataset,
        TRAIN,
        0,
        Resume(folder / "work", "same"),
        folder / "h.csv",
        workers,
    )
    save_model(folder / "model.pt", task.net, "backbone")
    return [(folder / name).read_bytes() for name in ("model.pt", "h.csv")]


def test_a_training_gives_the_same_bytes_with_any_number_of_workers(sets, tmp_path):
    once, again, many = (
        train(sets["classification"], tmp_path / name, workers)
        for name, workers in (("once", 0), ("again", 0), ("many", 2))
    )
    assert once == again == many


def batches(dataset, workers):
    return list(make_loader(dataset, EpochSampler(4, [2, 2], seed=0), workers))


@pytest.mark.parametrize("name", SETS)
def test_workers_change_no_sample(sets, name):
    for one, other in zip(batches(sets[name], 0), batches(sets[name], 2), strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)


def states():
    numbers = np.random.get_state()[1].tolist()  # noqa: NPY002
    return random.getstate(), numbers, torch.get_rng_state().tolist()


@pytest.mark.parametrize("name", SETS)
def test_samples_draw_from_no_global_generator(sets, name):
    """Neither do they depend on one, nor do they disturb it."""
    drawn = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        before = states()
        drawn.append(batches(sets[name], 0))
        assert states() == before
    for one, other in zip(*drawn, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)
