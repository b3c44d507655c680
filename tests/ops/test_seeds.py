import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsss.ops.resize import resize_bilinear
from wsss.ops.seeds import background_score, fixed_seed, seed_labels, upsample_cam


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


@given(sides=st.tuples(st.integers(1, 40), st.integers(1, 40)), seed=st.integers(0, 9))
def test_upsampling_is_that_of_torch(sides, seed):
    cam = np.random.default_rng(seed).random((2, *sides), dtype=np.float32)
    size = (4 * sides[0] - 1, 4 * sides[1])
    expected = resize_bilinear(torch.from_numpy(cam)[None], size)[0].numpy()
    np.testing.assert_allclose(upsample_cam(cam, size), expected, atol=1e-5)
