import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsss.ops.cam import (
    background_score,
    fixed_seed,
    max_norm,
    scale_by_max,
    scale_by_max_less_eps,
    scale_min_max,
    scale_min_max_less_eps,
    seed_labels,
    upsample_cam,
)


def test_scale_by_max_divides_by_the_maximum():
    maps = np.array([[[1.0, 2.0], [4.0, 0.0]]])
    assert scale_by_max(maps, eps=0.0).tolist() == [[[0.25, 0.5], [1.0, 0.0]]]


def test_scale_by_max_treats_arrays_and_tensors_alike():
    maps = np.random.default_rng(0).random((2, 3, 4, 5), dtype=np.float32)
    assert np.array_equal(scale_by_max(maps), scale_by_max(torch.from_numpy(maps)).numpy())


@pytest.mark.parametrize("zeros", [np.zeros, torch.zeros])
def test_scale_by_max_keeps_empty_maps_at_zero(zeros):
    assert scale_by_max(zeros((2, 3, 3))).max() == 0
    assert scale_by_max(zeros((0, 3, 3))).shape == (0, 3, 3)


def test_scale_by_max_less_eps_by_hand():
    maps = torch.tensor([-1.0, 1.0, 2.0, 5.0]).view(1, 1, 2, 2)
    scaled = scale_by_max_less_eps(maps, eps=1.0).flatten()
    torch.testing.assert_close(scaled * 6, torch.tensor([0.0, 0, 1, 4]))


def test_max_norm_by_hand():
    maps = torch.tensor([-1.0, 1.0, 2.0, 5.0]).view(1, 1, 2, 2)
    torch.testing.assert_close(max_norm(maps, eps=1.0).flatten() * 6, torch.tensor([0.0, 0, 1, 4]))


@pytest.mark.parametrize("value", [-1.0, 0.0, 3.0])
def test_max_norm_of_a_flat_map_is_zero(value):
    assert not max_norm(torch.full((1, 2, 3, 3), value)).any()


def test_max_norm_is_differentiable_in_its_maximum():
    maps = torch.tensor([0.0, 1.0, 2.0]).view(1, 1, 1, 3).requires_grad_()
    max_norm(maps)[..., 1].sum().backward()
    assert maps.grad[..., 2].item() == pytest.approx(-0.25, rel=1e-3)


def test_scale_min_max_less_eps_puts_the_minimum_below_zero():
    maps = np.array([[[1.0, 2.0], [5.0, 3.0]]])
    assert scale_min_max_less_eps(maps, eps=0.5) == pytest.approx(
        np.array([[[-1.5, 0.5], [3.5, 1.5]]]) / 4.5
    )


def test_scale_min_max_less_eps_ignores_what_is_negative():
    maps = np.array([[[-3.0, 0.0, 4.0]]], dtype=np.float32)
    scaled = scale_min_max_less_eps(maps)
    assert scaled.dtype == np.float32
    assert scaled == pytest.approx(np.array([[[0.0, 0.0, 1.0]]]), abs=1e-5)
    assert maps[0, 0, 0] == -3


@pytest.mark.parametrize("classes", [0, 2])
def test_scale_min_max_less_eps_of_silent_maps_is_minus_one(classes):
    assert (scale_min_max_less_eps(np.zeros((classes, 3, 4))) == np.full((classes, 3, 4), -1)).all()


def test_scale_min_max_of_constant_maps_is_zero_and_differentiable():
    maps = torch.stack([torch.zeros(2, 2), torch.full((2, 2), 3.0)]).requires_grad_()
    stretched = scale_min_max(maps)
    stretched.sum().backward()
    assert not stretched.any()
    assert maps.grad.isfinite().all()


def test_scale_min_max_differentiates_its_extremes():
    maps = torch.tensor([[0.0, 1.0, 4.0]], requires_grad=True)
    scale_min_max(maps)[0, 1].backward()
    # derivatives of (x1 - x0) over (x2 - x0) at 0, 1, 4
    assert torch.allclose(maps.grad, torch.tensor([[-3 / 16, 1 / 4, -1 / 16]]))


def test_scale_min_max_of_arrays_equals_that_of_tensors():
    maps = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    maps[1] = 2
    stretched = scale_min_max(maps)
    assert stretched.dtype == np.float32
    assert np.array_equal(stretched, scale_min_max(torch.from_numpy(maps)).numpy())
    assert scale_min_max(maps[:0]).shape == (0, 4, 5)


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
