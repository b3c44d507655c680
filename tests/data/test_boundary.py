import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from tests.listed import listed
from wsss.data.pixels import network_input
from wsss.data.sets.boundary import BoundarySet
from wsss.data.sets.classification import ClassificationSet
from wsss.errors import UserError
from wsss.io.maps import MapsReader, MapsWriter

OFF = (0.0, 0.0, 0.0, 0.0)
ON = (0.3, 0.3, 0.3, 0.1)


@pytest.fixture
def item(tmp_path):
    """A picture that is black but for a white stripe."""
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[:, 24:32] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return listed(tmp_path / "a.png", (0, 2))


@pytest.fixture
def make(item, tmp_path):
    def make(boundary, resize=(40, 40), crop=48, jitter=OFF, seed=0, **options):
        with MapsWriter(tmp_path / "maps.tsv") as out:
            out.put("a", classes=np.array([0, 2]), boundary=boundary)
        maps = MapsReader([tmp_path / "maps.tsv"])
        return BoundarySet([item], maps, 3, resize, crop, jitter, seed, **options)

    return make


def stripe(height=24, width=40):
    """The stripe of the picture as the boundary of the second class present."""
    maps = np.zeros((3, height, width), np.uint8)
    maps[2, :, width * 24 // 40 : width * 32 // 40] = 255
    return maps


def test_a_sample_has_a_map_of_every_label(make):
    sample = make(stripe(), crop=32)[0, 0]
    assert sample["boundary"].shape == (4, 32, 32) and sample["boundary"].dtype == torch.uint8
    assert sample["boundary"].amax((1, 2)).tolist() == [0, 0, 0, 255]
    assert sample["label"].tolist() == [1, 0, 1]


@pytest.mark.parametrize("epoch", range(6))
@pytest.mark.parametrize("long", [40, 80])
@pytest.mark.parametrize("crop", [16, 56, 96])
def test_image_and_boundaries_go_together(make, epoch, long, crop):
    sample = make(stripe(), (long, long), crop)[epoch, 0]
    white = sample["image"][0] > 178
    different = white != (sample["boundary"][3] > 127)
    assert different.float().mean() < 0.05
    assert torch.equal(sample["boundary"].sum(0) == 0, sample["boundary"][3] == 0)


def test_padding_has_no_boundary(make):
    sample = make(np.full((3, 24, 40), 255, np.uint8), crop=64)[0, 0]
    batch = {name: value[None] for name, value in sample.items()}
    outside = (network_input(batch)["image"][0] == 0).all(dim=0)
    assert outside.sum() == 64 * 64 - 24 * 40
    for label in (0, 1, 3):
        assert torch.equal(sample["boundary"][label] == 0, outside)


@pytest.mark.parametrize("size", [(6, 10), (24, 40), (48, 80), (17, 93)])
def test_maps_of_any_size_fit_the_image(make, size):
    boundary = make(stripe(*size))[0, 0]["boundary"]
    assert abs(boundary[3].sum() / 255 - 24 * 8) < 24


def test_the_image_is_that_of_the_plain_classifier(make, item):
    given = {"resize": (30, 60), "crop": 32, "jitter": ON, "seed": 3, "jitter_probability": 0.5}
    dataset, plain = make(stripe(), **given), ClassificationSet([item], 3, **given)
    for epoch in range(5):
        assert torch.equal(dataset[epoch, 0]["image"], plain[epoch, 0]["image"])


def test_a_sample_depends_on_its_place_alone(make):
    dataset = make(stripe(), (30, 60), 32, ON)
    assert all(torch.equal(dataset[3, 0][key], dataset[3, 0][key]) for key in dataset[3, 0])
    assert not torch.equal(dataset[3, 0]["boundary"], dataset[4, 0]["boundary"])


def test_maps_of_another_kind_are_named(make, item, tmp_path):
    with MapsWriter(tmp_path / "cam.tsv") as out:
        out.put("a", classes=np.array([0, 2]), cam=np.zeros((2, 6, 10)))
    with pytest.raises(UserError, match=r"cam\.tsv: has no boundary of image a"):
        BoundarySet([item], MapsReader([tmp_path / "cam.tsv"]), 3)[0, 0]


def test_boundaries_of_other_labels_are_refused(make, item, tmp_path):
    make(stripe())
    other = dataclasses.replace(item, classes=(0, 1))
    with pytest.raises(UserError, match=r"maps\.npz: .* of classes \[0, 2\] instead of \[0, 1\]"):
        BoundarySet([other], MapsReader([tmp_path / "maps.tsv"]), 3)[0, 0]
