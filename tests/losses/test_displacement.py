import pytest
import torch

from wsss.losses.displacement import displacement_loss
from wsss.ops.pairs import offsets, pair_indices

RADIUS = 3
SOURCE, TARGET = pair_indices(6, 9, RADIUS)
ALL, NONE = torch.ones(1, *TARGET.shape), torch.zeros(1, *TARGET.shape)


def towards(y, x):
    """Displacements of all cells to one point."""
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(9.0), indexing="ij")
    return torch.stack([y - rows, x - columns])[None]


def test_cells_of_an_object_that_point_to_one_centre_cost_nothing():
    loss = displacement_loss(towards(2.5, 7.0), NONE, ALL, RADIUS)
    assert loss["dp_fg"].item() == pytest.approx(0, abs=1e-6)


def test_cells_without_displacement_cost_their_distance():
    steps = [abs(dy) + abs(dx) for dy, dx in offsets(RADIUS)]
    loss = displacement_loss(torch.zeros(1, 2, 6, 9), NONE, ALL, RADIUS)
    assert loss["dp_fg"].item() == pytest.approx(sum(steps) / len(steps) / 2 / 2)
    assert displacement_loss(towards(0, 0), ALL, NONE, RADIUS)["dp_bg"].item() == pytest.approx(
        sum(steps) / len(steps) / 2 / 2
    )


def test_background_that_points_alike_costs_nothing():
    loss = displacement_loss(torch.full((1, 2, 6, 9), 4.0), ALL, ALL, RADIUS)
    assert loss["dp_bg"] == 0 < loss["dp_fg"]


def test_kinds_without_pairs_cost_nothing():
    loss = displacement_loss(torch.rand(1, 2, 6, 9), NONE, NONE, RADIUS)
    assert sum(loss.values()) == 0
