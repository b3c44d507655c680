import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsss.ops.cam import (
    background_score,
    fixed_seed,
    normalise_cam,
    normalise_minmax,
    seed_labels,
    upsample_cam,
)


def test_normalise_divides_by_the_maximum():
    maps = np.array([[[1.0, 2.0], [4.0, 0.0]]])
    assert normalise_cam(maps, eps=0.0).tolist() == [[[0.25, 0.5], [1.0, 0.0]]]


def test_normalise_treats_arrays_and_tensors_alike():
    maps = np.random.default_rng(0).random((2, 3, 4, 5), dtype=np.float32)
    assert np.array_equal(normalise_cam(maps), normalise_cam(torch.from_numpy(maps)).numpy())


@pytest.mark.parametrize("zeros", [np.zeros, torch.zeros])
def test_normalise_keeps_empty_maps_at_zero(zeros):
    assert normalise_cam(zeros((2, 3, 3))).max() == 0
    assert normalise_cam(zeros((0, 3, 3))).shape == (0, 3, 3)


def test_minmax_puts_the_minimum_below_zero():
    maps = np.array([[[1.0, 2.0], [5.0, 3.0]]])
    assert normalise_minmax(maps, eps=0.5) == pytest.approx(
        np.array([[[-1.5, 0.5], [3.5, 1.5]]]) / 4.5
    )


def test_minmax_ignores_what_is_negative():
    maps = np.array([[[-3.0, 0.0, 4.0]]], dtype=np.float32)
    scaled = normalise_minmax(maps)
    assert scaled.dtype == np.float32
    assert scaled == pytest.approx(np.array([[[0.0, 0.0, 1.0]]]), abs=1e-5)
    assert maps[0, 0, 0] == -3


@pytest.mark.parametrize("classes", [0, 2])
def test_minmax_of_silent_maps_is_minus_one(classes):
    assert (normalise_minmax(np.zeros((classes, 3, 4))) == np.full((classes, 3, 4), -1)).all()


def test_background_score_by_hand():
    cam = np.array([[[0.5, 0.0]], [[0.25, 1.0]]])
    assert background_score(cam, 2).tolist() == [[0.25, 0.0]]


def test_background_is_certain_without_classes():
    assert background_score(np.zeros((0, 2, 3)), 4).tolist() == [[1.0] * 3] * 2


def test_background_weakens_with_alpha():
    cam = np.random.default_rng(0).random((2, 4, 4)).astype(np.float16)
    low, high = background_score(cam, 4), background_score(cam, 32)
    assert low.dtype == np.float32
    assert (high <= low).all()


def test_seed_ties_go_to_background_then_to_the_lower_class():
    cam = np.array([[[0.2, 0.3, 0.5, 0.1]], [[0.2, 0.4, 0.5, 0.1]]])
    assert seed_labels(cam, np.array([3, 8]), 0.2).tolist() == [[0, 9, 4, 0]]


def test_seed_without_classes_is_background():
    seed = seed_labels(np.zeros((0, 2, 2)), np.array([], dtype=np.int64), 0.2)
    assert seed.dtype == np.uint8
    assert not seed.any()


def test_upsampling_of_stored_maps():
    cam = np.array([[[0.0, 1.0]]], dtype=np.float16)
    maps = upsample_cam(cam, tuple(np.array([2, 4])))
    assert maps.dtype == np.float32
    assert maps.tolist() == [[[0.0, 0.25, 0.75, 1.0]] * 2]


def test_upsampling_of_no_maps():
    assert upsample_cam(np.zeros((0, 1, 2), dtype=np.float16), (2, 4)).shape == (0, 2, 4)


def test_a_map_at_the_fixed_threshold_is_foreground():
    limit = np.float32(0.3)
    cam = np.array([[[np.nextafter(limit, np.float32(0)), limit, 0.4]]], np.float32)
    assert fixed_seed(cam, np.array([6]), 0.3).tolist() == [[0, 7, 7]]
    assert seed_labels(cam, np.array([6]), 0.3).tolist() == [[0, 0, 7]]


@given(
    cam=hnp.arrays(np.float32, (2, 3, 4), elements=st.sampled_from([-0.25, 0, 1e-5, 0.25, 0.5, 1])),
    threshold=st.sampled_from([0.0, 0.25, 0.3, 1.0]),
)
def test_fixed_seed_is_the_strongest_map_over_a_small_background(cam, threshold):
    kept = np.where(cam < np.float32(threshold), 0, cam)
    stack = np.stack([np.full((3, 4), 1e-5, np.float32), *kept])
    labels = np.array([0, 1, 3])[stack.argmax(0)]
    assert (fixed_seed(cam, np.array([0, 2]), threshold) == labels).all()


def test_fixed_seed_without_classes_is_background():
    assert not fixed_seed(np.zeros((0, 2, 3), np.float32), np.array([], int), 0.3).any()
