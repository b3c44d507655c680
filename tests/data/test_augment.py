import random

import cv2
import numpy as np
import pytest
import torch

from wsss.data.augment import RECIPES, Frame, hsv_shift, padded, quarter_scaled
from wsss.data.pixels import network_input
from wsss.data.views import opencv_scaled

OFF = (0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def picture():
    """A dark left half labelled 0 and a bright right half labelled 3."""
    image = np.zeros((24, 40, 3), np.uint8)
    image[:, 20:] = 255
    return image, np.repeat(np.uint8([0, 3]), 20)[None].repeat(24, 0)


def sample(name, picture, seed, frame):
    """The network's input (3, S, S) and the labels (S, S)."""
    drawn = RECIPES[name](*picture, random.Random(seed), frame)
    batch = network_input({key: value[None] for key, value in drawn.items()})
    return batch["image"][0], batch["label"][0]


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("crop", [16, 64])
def test_samples_have_the_shape_of_the_crop(name, crop, picture):
    pixels, labels = sample(name, picture, 0, Frame(crop, (0.5, 1.5), OFF))
    assert pixels.shape == (3, crop, crop) and pixels.dtype == torch.float32
    assert labels.shape == (crop, crop) and labels.dtype == torch.uint8
    assert set(labels.unique().tolist()) <= {0, 3, 255}


@pytest.mark.parametrize("name", RECIPES)
def test_labels_stay_on_their_pixels(name, picture):
    """Far from edges, bright pixels bear the label of the bright half."""
    bright = 0.5
    agree = []
    for seed in range(12):
        frame = Frame(48, (0.75, 1.5), OFF)
        pixels, labels = sample(name, picture, seed, frame)
        counted = labels != 255
        agree.append(((pixels.mean(0) > bright) == (labels == 3))[counted].float().mean())
    assert min(agree) > 0.9


@pytest.mark.parametrize("name", RECIPES)
def test_randomness_comes_from_the_generator_alone(name, picture):
    frame = Frame(32, (0.5, 1.5), (0.3, 0.3, 0.3, 0.1))
    one, same, other = (sample(name, picture, seed, frame) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0], other[0])


def test_no_shift_keeps_grey_and_hue_turns_around():
    grey = np.full((2, 2, 3), 77, np.uint8)
    assert np.array_equal(hsv_shift(grey, (0, 0, 0)), grey)
    red = np.uint8([[[255, 0, 0]]])
    assert hsv_shift(red, (-60, 0, 0)).tolist() == hsv_shift(red, (120, 0, 0)).tolist()


def test_saturation_and_value_are_clipped():
    assert hsv_shift(np.uint8([[[250, 250, 250]]]), (0, -9, 9)).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize(
    ("size", "factor", "scaled"),
    [((57, 75), 1.3, (74, 98)), ((1, 40), 0.5, (1, 20)), ((40, 1), 0.25, (10, 1))],
)
def test_opencv_rounds_the_sides(size, factor, scaled):
    assert opencv_scaled(np.zeros(size, np.uint8), factor, cv2.INTER_NEAREST).shape == scaled


def test_deeplab_v3plus_makes_the_shorter_side_exact():
    """375 x 500 with a shorter side of 392 becomes 392 x 522, not 391."""
    image, labels = np.zeros((375, 500, 3), np.uint8), np.zeros((375, 500), np.uint8)
    frame = Frame(392, (1.0, 1.0), OFF)
    assert (sample("deeplab_v3plus", (image, labels), 0, frame)[1] == 0).all()


def test_deeplab_v2_cuts_the_sides_off_and_pads_below_and_right(picture):
    pixels, labels = quarter_scaled(*picture, 0.75, 20)
    assert pixels.shape == (20, 30, 3) and labels.shape == (20, 30)
    assert (labels[18:] == 255).all() and (labels[:18] != 255).all()


def test_deeplab_v2_draws_quarters(picture):
    frame = Frame(8, (0.5, 1.0), OFF)
    sides = {sample("deeplab_v2", picture, seed, frame)[1].shape for seed in range(9)}
    assert sides == {(8, 8)}


def test_padding_keeps_what_is_large_enough():
    array = np.ones((3, 5), np.uint8)
    assert padded(array, 3, 0).tolist() == array.tolist()
    assert padded(array, 4, 7)[3].tolist() == [7] * 5
