import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsss.data.transforms import (
    MEAN,
    STD,
    area_window,
    crop,
    crop_window,
    cut_area,
    flip,
    normalise,
    resample,
    resize,
    resize_labels,
    scaled,
    with_long_side,
)

SIDES = st.integers(1, 40)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_normalise_black_and_white():
    black, white = normalise(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))[0]
    assert np.allclose(black, -np.divide(MEAN, STD))
    assert np.allclose(white, (1 - np.array(MEAN)) / STD)


@pytest.mark.parametrize("size, long, expected", [((4, 8), 6, (3, 6)), ((8, 4), 5, (5, 2))])
def test_the_short_side_rounds_half_to_even(size, long, expected):
    assert with_long_side(size, long) == expected


def test_a_thin_image_keeps_a_pixel():
    assert with_long_side((1, 100), 10) == (1, 10)


@pytest.mark.parametrize("change", [resize, resample])
def test_resize_to_the_same_size_is_the_same(change):
    image = picture(5, 7)
    assert change(image, (5, 7)) is image


@pytest.mark.parametrize("size", [(20, 30), (60, 80), (77, 91), (1, 3)])
def test_samples_are_resized_as_by_pillow_within_a_level_or_two(size):
    image = picture(60, 90)
    off = resample(image, size).astype(int) - resize(image, size)
    assert abs(off).max() <= 2 and abs(off).mean() < 0.05


def test_a_view_is_resized_as_its_copy():
    image = picture(30, 40)
    part = image[3:20, 5:25]
    assert np.array_equal(resample(part, (9, 9)), resample(part.copy(), (9, 9)))


def test_labels_stay_ids():
    labels = np.array([[0, 255], [3, 7]], np.uint8)
    assert set(np.unique(resize_labels(labels, (5, 3)))) <= {0, 3, 7, 255}


def test_scaled_is_never_empty():
    assert scaled((1, 100), 0.1) == (1, 10)


@given(SIDES, SIDES, SIDES, st.integers(0, 99))
def test_crop_shows_or_holds_the_whole_overlap(height, width, side, seed):
    image = np.ones((height, width), np.uint8)
    window = crop_window(image.shape, side, random.Random(seed))
    out = crop(image, side, window, fill=7)
    assert out.shape == (side, side)
    assert (out == 1).sum() == min(height, side) * min(width, side)


def test_crop_by_hand():
    rows = np.arange(4, dtype=np.uint8)[:, None].repeat(1, axis=1)
    assert crop(rows, 2, (1, 1), fill=9).tolist() == [[9, 1], [9, 2]]


def test_every_window_is_reached():
    rng = random.Random(0)
    drawn = {crop_window((4, 1), 2, rng) for _ in range(200)}
    assert drawn == {(top, left) for top in (0, 1, 2) for left in (0, 1)}


def test_flip_twice_is_nothing():
    assert np.array_equal(flip(flip(picture(3, 5))), picture(3, 5))


@given(SIDES, SIDES, st.integers(0, 50))
def test_an_area_is_inside_the_image(height, width, seed):
    top, left, h, w = area_window((height, width), (0.08, 1.0), random.Random(seed))
    assert 0 <= top <= top + h <= height and h > 0
    assert 0 <= left <= left + w <= width and w > 0


@given(st.integers(0, 100))
def test_an_area_has_the_share_and_the_shape_asked_for(seed):
    _, _, h, w = area_window((200, 200), (0.3, 0.4), random.Random(seed))
    assert 0.28 <= h * w / 200**2 <= 0.42
    assert 0.72 <= w / h <= 1.38


def test_an_impossible_area_becomes_the_middle():
    assert area_window((10, 100), (1.0, 1.0), random.Random(0)) == (0, 43, 10, 13)


def test_a_cut_area_is_resized_to_a_square():
    image = picture(20, 30)
    assert cut_area(image, (2, 3, 8, 12), 16).shape == (16, 16, 3)
    assert np.array_equal(cut_area(image, (2, 3, 8, 8), 8), image[2:10, 3:11])
