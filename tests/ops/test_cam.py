import numpy as np
import pytest
import torch

from wsss.ops.cam import (
    max_norm,
    scale_by_max,
    scale_by_max_less_eps,
    scale_min_max,
    scale_min_max_less_eps,
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
