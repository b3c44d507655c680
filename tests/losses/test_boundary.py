import pytest
import torch

from wsss.losses.boundary import smoothness

FLOOR = 1e-3


def inputs(batch, labels, side):
    """Class probabilities, boundaries, and every label present."""
    maps, boundary = torch.rand(2, batch, labels, side, side)
    return maps, boundary, torch.ones(batch, labels)


def test_behind_a_boundary_the_floors_are_left():
    maps, _, present = inputs(1, 2, 9)
    wall = torch.full((1, 2, 9, 9), 10.0)
    assert smoothness(maps, wall, present).item() == pytest.approx((2 * 10 + 1) * FLOOR)


def test_a_flat_map_costs_its_border_alone():
    maps, present = torch.full((1, 1, 9, 9), 0.5), torch.ones(1, 1)
    frame = torch.full((1, 1, 9, 9), 10.0)
    frame[..., 1:-1, 1:-1] = 0
    assert smoothness(maps, frame, present).item() == pytest.approx(21 * FLOOR)
    assert smoothness(maps, 0 * frame, present) > 100 * FLOOR


def test_a_boundary_permits_an_edge():
    maps = torch.full((1, 1, 12, 12), 0.5)
    maps[..., 6:] = 1
    here, elsewhere = torch.zeros(2, 1, 1, 12, 12)
    here[..., 5:7], elsewhere[..., 2:4] = 1, 1
    present = torch.ones(1, 1)
    assert smoothness(maps, here, present) < smoothness(maps, elsewhere, present)


def test_absent_classes_are_free_but_counted():
    maps, boundary, present = inputs(1, 4, 6)
    shown = smoothness(maps[:, :2], boundary[:, :2], present[:, :2])
    present[0, 2:] = 0
    torch.testing.assert_close(smoothness(maps, boundary, present), shown / 2)


def test_half_precision_changes_nothing():
    maps, boundary, present = inputs(2, 3, 8)
    plain = smoothness(maps, boundary, present)
    with torch.autocast("cpu", torch.bfloat16):
        assert smoothness(maps, boundary, present) == plain


def test_a_constant_map_has_a_gradient():
    maps = torch.full((1, 1, 5, 5), 0.5, requires_grad=True)
    smoothness(maps, torch.zeros(1, 1, 5, 5), torch.ones(1, 1)).backward()
    assert maps.grad.isfinite().all()
