import numpy as np
import pytest
import torch
from PIL import Image

from tests.listed import listed
from wsss.data.pixels import network_input
from wsss.data.sets.affinity import AffinitySet, affinity_sample
from wsss.data.sets.classification import ClassificationSet
from wsss.data.sets.segmentation import SegmentationSet, certain, confirmed
from wsss.errors import UserError
from wsss.io.index import Masks
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsReader, MapsWriter
from wsss.io.provenance import bytes_digest

OFF = (0.0, 0.0, 0.0, 0.0)
ON = (0.3, 0.3, 0.3, 0.1)


@pytest.fixture
def items(tmp_path):
    rng = np.random.default_rng(0)
    pixels = {name: rng.integers(0, 256, (24, 40, 3), np.uint8) for name in "ab"}
    for name, image in pixels.items():
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    return [listed(tmp_path / f"{name}.png", (0, 2)) for name in pixels]


@pytest.fixture
def maps(items, tmp_path):
    """Left half background, right half the second class, in both maps."""
    scores = np.zeros((3, 24, 40), np.uint8)
    scores[0, :, :20] = scores[2, :, 20:] = 255
    with MapsWriter(tmp_path / "maps.tsv") as writer:
        for item in items:
            classes = np.array(item.classes)
            writer.put(item.image_id, classes=classes, alpha_4=scores, alpha_32=scores)
    return MapsReader([tmp_path / "maps.tsv"])


@pytest.fixture
def labels(items, tmp_path):
    """Left half background, right half class 2."""
    with LabelWriter(tmp_path / "labels/labels.tsv") as writer:
        for item in items:
            writer.put(item.image_id, np.repeat(np.uint8([0, 3]), 20)[None].repeat(24, 0))
    return LabelReader([tmp_path / "labels/labels.tsv"])


@pytest.fixture(params=["classification", "affinity", "segmentation"])
def make(request, items, maps, labels):
    def make(crop=32, jitter=ON, seed=0):
        if request.param == "classification":
            return ClassificationSet(items, 3, (20, 60), crop, jitter, seed)
        if request.param == "affinity":
            return AffinitySet(items, maps, "alpha_4", "alpha_32", crop, jitter, seed)
        return SegmentationSet(items, labels, (0.5, 1.5), crop, jitter, seed)

    return make


def pixels(sample):
    """The network's input (3, S, S)."""
    batch = {name: value[None] for name, value in sample.items()}
    return network_input(batch)["image"][0]


def same(one, other):
    return all(torch.equal(one[key], other[key]) for key in one)


def test_a_sample_depends_on_its_place_alone(make):
    assert same(make()[3, 1], make()[3, 1])


@pytest.mark.parametrize("place, seed", [((4, 1), 0), ((3, 0), 0), ((3, 1), 1)])
def test_place_and_seed_change_the_sample(make, place, seed):
    assert not same(make()[3, 1], make(seed=seed)[place])


def test_image_has_the_shape_of_the_crop(make):
    dataset = make(crop=48)
    image = dataset[0, 0]["image"]
    assert len(dataset) == 2
    assert image.shape == (3, 48, 48) and image.dtype == torch.uint8


def test_image_labels_are_zero_and_one(items):
    label = ClassificationSet(items, 4)[0, 0]["label"]
    assert label.tolist() == [1, 0, 1, 0] and label.dtype == torch.float32


def test_classifier_sees_mean_colour_around_a_small_image(items):
    image = pixels(ClassificationSet(items, 3, (40, 40), 64, OFF)[0, 0])
    assert (image == 0).all(dim=0).sum() == 64 * 64 - 24 * 40


def test_affinity_net_sees_black_around_a_small_image(items, maps):
    sample = AffinitySet(items, maps, "alpha_4", "alpha_32", 64, OFF)[0, 0]
    assert (sample["image"] == 0).all(dim=0).sum() == 64 * 64 - 24 * 40
    assert sample["label"].shape == (8, 8) and sample["label"].dtype == torch.uint8
    assert {0, 2, 255} == set(sample["label"].unique().tolist())


def test_crop_of_affinity_net_is_whole_cells(items, maps):
    with pytest.raises(UserError, match="30 is not a multiple of 8"):
        AffinitySet(items, maps, "alpha_4", "alpha_32", 30)


def test_affinity_sample_mirrors_image_and_labels():
    image = np.zeros((8, 16, 3), np.uint8)
    image[:, :8] = 255
    scores = np.zeros((2, 8, 16), np.float32)
    scores[0, :, :8] = scores[1, :, 8:] = 1
    sample = affinity_sample(image, scores, scores, mirror=True)
    assert sample["label"].tolist() == [[1, 0]]
    assert (sample["image"][:, :, 8:] > sample["image"][:, :, :8]).all()


def test_segmenter_ignores_what_surrounds_a_small_image(items, labels):
    sample = SegmentationSet(items, labels, (1.0, 1.0), 64, OFF)[0, 0]
    outside = sample["label"] == 255
    assert outside.sum() == 64 * 64 - 24 * 40
    assert (pixels(sample)[:, outside] == 0).all()
    assert set(sample["label"].unique().tolist()) == {0, 3, 255}


def test_pixels_that_refined_maps_do_not_confirm_are_ignored(tmp_path):
    """Labels of five pixels beside maps with much and with little background."""
    low, high = np.zeros((2, 2, 1, 5), np.uint8)
    low[0], high[0] = [255, 255, 255, 0, 0], [255, 0, 255, 0, 0]
    low[1], high[1] = 255 - low[0], 255 - high[0]
    Image.fromarray(np.zeros((1, 5, 3), np.uint8)).save(tmp_path / "a.png")
    item = listed(tmp_path / "a.png", (2,))
    with MapsWriter(tmp_path / "maps.tsv") as writer:
        writer.put(item.image_id, classes=np.array([2]), alpha_1=low, alpha_4=high)
    labels = np.uint8([[0, 0, 3, 3, 255]])
    found = confirmed(labels, MapsReader([tmp_path / "maps.tsv"]), item)
    assert found.tolist() == [[0, 255, 255, 3, 255]]


def test_pixels_on_which_refined_maps_are_not_sure_are_ignored(tmp_path):
    """Labels of four pixels beside maps, in bytes, that decide on them with growing doubt."""
    scores = np.uint8([[[255, 243, 242, 5]], [[0, 12, 13, 250]]])
    Image.fromarray(np.zeros((1, 4, 3), np.uint8)).save(tmp_path / "a.png")
    item = listed(tmp_path / "a.png", (2,))
    with MapsWriter(tmp_path / "maps.tsv") as writer:
        writer.put(item.image_id, classes=np.array([2]), alpha_1=scores, alpha_2=255 - scores)
    found = certain(np.uint8([[0, 0, 0, 3]]), MapsReader([tmp_path / "maps.tsv"]), item, 0.95)
    assert found.tolist() == [[0, 0, 255, 3]]


def test_masks_replace_the_labels_of_their_images(items, labels, tmp_path):
    mask = np.ones((24, 40), np.uint8)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    path, name = tmp_path / "mask.png", items[0].image_id
    masks = Masks("drawn", {name: path}, {name: bytes_digest(path.read_bytes())})
    dataset = SegmentationSet(items, labels, (1.0, 1.0), 24, OFF, masks=masks)
    assert set(dataset[0, 0]["label"].unique().tolist()) == {1}
    assert 1 not in dataset[0, 1]["label"]


def test_image_and_labels_are_mirrored_together(items, labels):
    """The brighter half of the image keeps its label in every draw."""
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[:, 20:] = 255
    Image.fromarray(pixels).save(items[0].image)
    dataset = SegmentationSet([listed(items[0].image)], labels, (1.0, 1.0), 24, OFF)
    for epoch in range(8):
        sample = dataset[epoch, 0]
        bright = sample["image"][0] > 0
        assert torch.equal(bright, sample["label"] == 3)


def test_a_share_of_the_samples_is_jittered(items):
    def images(share):
        dataset = ClassificationSet(items, 3, (24, 24), 24, ON, 0, jitter_probability=share)
        return [dataset[epoch, 0]["image"] for epoch in range(20)]

    never = ClassificationSet(items, 3, (24, 24), 24, OFF, 0, jitter_probability=0.0)
    plain = {tuple(never[epoch, 0]["image"].unique().tolist()) for epoch in range(20)}
    kept = [tuple(i.unique().tolist()) in plain for i in images(0.5)]
    assert 0 < sum(kept) < 20
    assert all(tuple(i.unique().tolist()) in plain for i in images(0.0))


def test_area_samples_fill_the_crop(items):
    dataset = ClassificationSet(items, 3, crop=16, jitter=OFF, area=(0.2, 0.5))
    sample = dataset[0, 1]
    assert sample["image"].shape == (3, 16, 16)
    assert sample["label"].tolist() == [1, 0, 1]
    assert not torch.equal(sample["image"], dataset[1, 1]["image"])


def test_a_replaced_image_is_refused(make, items):
    Image.fromarray(np.zeros((24, 40, 3), np.uint8)).save(items[1].image)
    with pytest.raises(UserError, match=r"b\.png: changed since the index"):
        make()[0, 1]


def test_maps_of_another_size_than_the_image_are_refused(items, tmp_path):
    with MapsWriter(tmp_path / "maps.tsv") as writer:
        for item in items:
            cut = np.zeros((3, 23, 40), np.uint8)
            writer.put(item.image_id, classes=np.array([0, 2]), alpha_4=cut, alpha_32=cut)
    dataset = AffinitySet(items, MapsReader([tmp_path / "maps.tsv"]), "alpha_4", "alpha_32", 32)
    with pytest.raises(
        UserError, match=r"maps\.npz: .*\(3, 23, 40\) instead of uint8 \(3, 24, 40\)"
    ):
        dataset[0, 0]
