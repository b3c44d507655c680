import pytest
import torch

from wsss.ops.pairs import fit_radius, pair_indices
from wsss.ops.sparse import repeat_step
from wsss.ops.walk import _power_weights, random_walk, transition


def make(h=7, w=9, radius=3, beta=8.0, dtype=torch.float32):
    source, target = pair_indices(h, w, radius)
    affinity = torch.rand(target.shape, dtype=dtype)
    return affinity, transition(affinity, h, w, source, target, beta)


def dense(affinity, h, w, source, target, beta):
    """D^-1 W, cell by cell."""
    weight = torch.eye(h * w, dtype=affinity.dtype)
    for values, there in zip(affinity, target, strict=True):
        weight[source, there] = weight[there, source] = values**beta
    return weight / weight.sum(dim=1, keepdim=True)


def test_two_cells_by_hand():
    source, target = torch.tensor([0]), torch.tensor([[1]])
    matrix = transition(torch.tensor([[0.5]]), 1, 2, source, target, 2)
    assert torch.allclose(matrix.to_dense(), torch.tensor([[0.8, 0.2], [0.2, 0.8]]))


def test_rows_sum_to_one():
    _, matrix = make()
    assert torch.allclose(matrix.to_dense().sum(dim=1), torch.ones(63))


def test_equals_the_dense_matrix():
    affinity, matrix = make(dtype=torch.float64)
    assert torch.allclose(matrix.to_dense(), dense(affinity, 7, 9, *pair_indices(7, 9, 3), 8.0))


@pytest.mark.parametrize("walk", [random_walk, repeat_step])
@pytest.mark.parametrize("steps", [1, 2, 3, 16, 64, 65, 256, 4096])
def test_walk_equals_the_matrix_power(walk, steps):
    _, matrix = make(dtype=torch.float64)
    scores = torch.rand(3, 7, 9, dtype=torch.float64)
    power = torch.linalg.matrix_power(matrix.to_dense(), steps)
    walked = walk(scores, matrix, steps).flatten(1)
    assert torch.allclose(walked, scores.flatten(1) @ power.T, rtol=0, atol=2e-7)


@pytest.mark.parametrize("affinity", [0.0, 1e-3, 1.0])
def test_few_products_suffice_in_single_precision(affinity):
    source, target = pair_indices(20, 20, 3)
    given = torch.full(target.shape, affinity)
    matrix = transition(given, 20, 20, source, target, 1)
    scores = torch.rand(2, 20, 20)
    exact = repeat_step(scores.double(), matrix.double(), 256)
    assert (random_walk(scores, matrix, 256) - exact).abs().max() < 5e-6


def test_the_weights_of_the_polynomials_by_hand():
    # x^2 = (T_0 + T_2) / 2, x^3 = (3 T_1 + T_3) / 4
    assert _power_weights(2) == [0.5, 0, 0.5]
    assert _power_weights(3) == [0, 0.75, 0, 0.25]
    assert sum(_power_weights(256)) == pytest.approx(1)
    assert len(_power_weights(256)) < 100


def test_walk_keeps_constants_and_bounds():
    scores = torch.rand(2, 7, 9)
    scores[0] = 0.25
    walked = random_walk(scores, make()[1], 256)
    assert torch.allclose(walked[0], scores[0], atol=1e-5)
    assert scores[1].min() <= walked[1].min() <= walked[1].max() <= scores[1].max()


def test_no_affinity_means_no_walk():
    source, target = pair_indices(5, 5, 2)
    matrix = transition(torch.zeros(target.shape), 5, 5, source, target, 8)
    scores = torch.rand(2, 5, 5)
    assert torch.equal(random_walk(scores, matrix, 8), scores)


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (3, 3)])
def test_grids_without_pairs_stay(size):
    source, target = pair_indices(*size, fit_radius(*size, 5))
    matrix = transition(torch.rand(target.shape), *size, source, target, 8)
    scores = torch.rand(2, *size)
    assert torch.equal(random_walk(scores, matrix, 4), scores)


def test_no_steps_and_no_rows():
    _, matrix = make()
    scores = torch.rand(2, 7, 9)
    assert torch.equal(random_walk(scores, matrix, 0), scores)
    assert random_walk(scores[:0], matrix, 3).shape == (0, 7, 9)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_walk_on_a_gpu_equals_the_cpu():
    affinity, matrix = make()
    scores = torch.rand(3, 7, 9)
    remote = transition(affinity.cuda(), 7, 9, *pair_indices(7, 9, 3), 8.0)
    walked = random_walk(scores.cuda(), remote, 256).cpu()
    assert torch.allclose(walked, random_walk(scores, matrix, 256), atol=1e-4)
