import pytest
import torch

from wsss.ops.pairs import fit_radius, pair_indices
from wsss.ops.sparse import repeat_step
from wsss.ops.walk import _power_weights, matrix_power, random_walk, transition
from wsss.ops.walk_kernels import BLOCK


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


def test_a_step_by_hand():
    # the upper cell in the middle, its right neighbour (1), and the cell below it (0.5^2)
    affinity = torch.tensor([[1.0], [0], [0.5], [0]])
    scores = torch.tensor([[[3.0, 9, 0], [3, 0, 3]]])
    walked = random_walk(scores, affinity, 2, 2, 1)
    assert torch.allclose(walked, torch.tensor([[[3, 4, 4.5], [3, 1.8, 3]]]))


def test_rows_sum_to_one():
    _, matrix = make()
    assert torch.allclose(matrix.to_dense().sum(dim=1), torch.ones(63))


def test_equals_the_dense_matrix():
    affinity, matrix = make(dtype=torch.float64)
    assert torch.allclose(matrix.to_dense(), dense(affinity, 7, 9, *pair_indices(7, 9, 3), 8.0))


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 16, 64, 65, 256, 4096])
def test_polynomials_equal_the_matrix_power(steps):
    _, matrix = make(dtype=torch.float64)
    scores = torch.rand(63, 3, dtype=torch.float64)
    power = torch.linalg.matrix_power(matrix.to_dense(), steps)
    walked = matrix_power(scores, matrix, steps)
    assert torch.allclose(walked, power @ scores, rtol=0, atol=2e-7)


@pytest.mark.parametrize("size", [(7, 9), (3, 5), (BLOCK // 100, 120)])
@pytest.mark.parametrize("steps", [0, 1, 2, 65, 256])
def test_compiled_walk_equals_the_matrix_power(size, steps):
    affinity, scores = make(*size)[0], torch.rand(3, *size)
    matrix = transition(affinity.double(), *size, *pair_indices(*size, 3), 8.0)
    expected = matrix_power(scores.double().flatten(1).t(), matrix, steps).t()
    walked = random_walk(scores, affinity, 3, 8.0, steps)
    assert (walked.flatten(1) - expected).abs().max() < 1e-5


@pytest.mark.parametrize("affinity", [0.0, 1e-3, 1.0])
def test_few_products_suffice_in_single_precision(affinity):
    source, target = pair_indices(20, 20, 3)
    given = torch.full(target.shape, affinity)
    matrix = transition(given.double(), 20, 20, source, target, 1)
    scores = torch.rand(2, 20, 20)
    exact = repeat_step(scores.double(), matrix, 256)
    assert (random_walk(scores, given, 3, 1, 256) - exact).abs().max() < 1e-5


def test_the_weights_of_the_polynomials_by_hand():
    # x^2 = (T_0 + T_2) / 2, x^3 = (3 T_1 + T_3) / 4
    assert _power_weights(2) == [0.5, 0, 0.5]
    assert _power_weights(3) == [0, 0.75, 0, 0.25]
    assert sum(_power_weights(256)) == pytest.approx(1)
    assert len(_power_weights(256)) < 100


def test_walk_keeps_constants_and_bounds():
    scores = torch.rand(2, 7, 9)
    scores[0] = 0.25
    walked = random_walk(scores, make()[0], 3, 8.0, 256)
    assert torch.allclose(walked[0], scores[0], atol=1e-5)
    assert scores[1].min() <= walked[1].min() <= walked[1].max() <= scores[1].max()


def test_no_affinity_means_no_walk():
    scores = torch.rand(2, 5, 5)
    affinity = torch.zeros(pair_indices(5, 5, 2)[1].shape)
    torch.testing.assert_close(random_walk(scores, affinity, 2, 8, 8), scores)


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (3, 3)])
def test_grids_without_pairs_stay(size):
    radius = fit_radius(*size, 5)
    affinity, scores = torch.rand(pair_indices(*size, radius)[1].shape), torch.rand(2, *size)
    torch.testing.assert_close(random_walk(scores, affinity, radius, 8, 4), scores)


def test_no_steps_and_no_rows():
    affinity, scores = make()[0], torch.rand(2, 7, 9)
    assert torch.equal(random_walk(scores, affinity, 3, 8.0, 0), scores)
    assert random_walk(scores[:0], affinity, 3, 8.0, 3).shape == (0, 7, 9)


def test_views_are_walked_as_copies_are():
    affinity, scores = make()[0], torch.rand(7, 9, 2).permute(2, 0, 1)
    expected = random_walk(scores.contiguous(), affinity, 3, 8.0, 16)
    assert torch.equal(random_walk(scores, affinity, 3, 8.0, 16), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_walk_on_a_gpu_equals_the_cpu():
    affinity, scores = make()[0], torch.rand(3, 7, 9)
    walked = random_walk(scores.cuda(), affinity.cuda(), 3, 8.0, 256).cpu()
    assert torch.allclose(walked, random_walk(scores, affinity, 3, 8.0, 256), atol=1e-4)
