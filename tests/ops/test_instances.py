import numpy as np
import pytest
import torch

from wsss.ops.instances import centroids, clusters, fragments


def towards(*columns, height=4, width=12):
    """Displacements of every cell to the nearest of some columns of the second row."""
    rows, at = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    goal = torch.tensor(columns)[(at[..., None] - torch.tensor(columns)).abs().argmin(-1)]
    return torch.stack([1.0 - rows, goal - at]).float()


def test_cells_end_at_their_centre():
    ends = centroids(towards(5))
    assert (ends[0] == 1).all() and (ends[1] == 5).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 2)])
def test_cells_stay_on_the_map(size):
    rows, columns = centroids(torch.full((2, *size), 9.0))
    assert (rows == size[0] - 1).all() and (columns == size[1] - 1).all()


def test_groups_are_the_cells_of_a_centre():
    one, other = clusters(towards(2, 9))
    assert one[:, :6].all() and not one[:, 6:].any()
    assert np.array_equal(other, ~one)


def test_groups_without_displacement_are_one():
    assert clusters(torch.zeros(2, 3, 4)).shape == (1, 3, 4)


def test_instances_are_connected_large_and_scored():
    scores = np.full((3, 10, 20), 0.25)
    scores[1, :, :5], scores[1, :, 15:] = 0.5, 0.8
    scores[2, 0, 10] = 1
    first, second = fragments(scores, np.array([1, 0]))
    assert (first.position, second.position) == (1, 1)
    assert (first.score, second.score) == (0.5, 0.8)
    assert first.mask.sum() == second.mask.sum() == 50
