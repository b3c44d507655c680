import math

import numpy as np
import pytest
import torch

from wsss.ops.affinity import (
    block_mean,
    confident_labels,
    cosine_affinity,
    pair_affinity,
    pair_labels,
)
from wsss.ops.pairs import pair_indices


def indexed(features, radius):
    """The formula with gathered cells, as in PSA's code."""
    source, target = pair_indices(*features.shape[2:], radius)
    cells = features.flatten(2)
    there = cells[:, :, target.flatten()].unflatten(2, target.shape)
    return torch.exp(-(there - cells[:, :, None, source]).abs().mean(dim=1))


def test_affinity_by_hand():
    """The cell right of the source is equal to it; below it differs by 2 on the left, 1 right."""
    features = torch.tensor([[[[7.0, 1.0, 1.0], [0, 1, 1]], [[7.0, 3.0, 3.0], [0, 3, 5]]]])
    expected = torch.tensor([1, math.exp(-2), 1, math.exp(-1)])
    assert torch.allclose(pair_affinity(features, 2), expected[:, None])


@pytest.mark.parametrize("size, radius", [((3, 4), 2), ((9, 12), 5), ((5, 5), 1)])
def test_affinity_is_that_of_gathered_cells(size, radius):
    features = torch.randn(2, 3, *size, requires_grad=True)
    one, other = pair_affinity(features, radius), indexed(features, radius)
    assert torch.allclose(one, other, atol=1e-6)
    weights = torch.rand_like(one)
    gradients = [torch.autograd.grad((a * weights).sum(), features)[0] for a in (one, other)]
    assert torch.allclose(*gradients, atol=1e-6)


def test_affinity_gradient():
    features = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: pair_affinity(x, 2), features)


def test_equal_features_pull_nowhere():
    features = torch.ones(1, 2, 3, 4, requires_grad=True)
    pair_affinity(features, 2).sum().backward()
    assert not features.grad.any()


def test_affinity_of_half_precision_is_single():
    features = torch.randn(1, 4, 2, 3)
    half = pair_affinity(features.bfloat16(), 2)
    assert half.dtype == torch.float32
    assert torch.equal(half, pair_affinity(features.bfloat16().float(), 2))


def test_affinity_of_no_pairs():
    assert pair_affinity(torch.rand(2, 3, 1, 1), 0).shape == (2, 0, 1)


def test_cosine_affinity_by_hand():
    """Sources are the two inner cells of the upper row: (-1, 0) and (0, 1)."""
    features = torch.zeros(1, 2, 2, 4)
    features[0, :, 0] = torch.tensor([[1.0, -1.0, 0.0, 2.0], [0.0, 0.0, 1.0, 0.0]])
    features[0, :, 1, 1] = torch.tensor([-3.0, -3.0])
    right, left_below, below, _ = cosine_affinity(features, 2)[0]
    assert right.tolist() == pytest.approx([math.exp(-1), math.exp(-1)])
    assert left_below.tolist() == pytest.approx([math.exp(-1), math.exp(-math.sqrt(0.5) - 1)])
    assert below.tolist() == pytest.approx([math.exp(math.sqrt(0.5) - 1), math.exp(-1)])


@pytest.mark.parametrize("size, radius", [((3, 4), 2), ((9, 12), 5), ((5, 5), 1)])
def test_cosine_affinity_is_that_of_gathered_cells(size, radius):
    features = torch.randn(2, 7, *size)
    source, target = pair_indices(*size, radius)
    cells = features.flatten(2)
    there = cells[:, :, target.flatten()].unflatten(2, target.shape)
    here = cells[:, :, None, source].expand_as(there)
    cosines = torch.cosine_similarity(here, there, dim=1)
    torch.testing.assert_close(cosine_affinity(features, radius), torch.exp(cosines - 1))


def test_cosine_affinity_ignores_length_and_stays_in_bounds():
    features = torch.randn(1, 3, 6, 9)
    scaled = features * torch.rand(1, 1, 6, 9).add(0.1)
    found = cosine_affinity(features, 3)
    torch.testing.assert_close(found, cosine_affinity(scaled, 3))
    assert found.min() >= math.exp(-2)
    assert found.max() <= 1
    assert torch.equal(cosine_affinity(torch.ones(1, 1, 6, 9), 3), torch.ones_like(found))


def test_block_mean_by_hand():
    x = np.arange(8, dtype=np.uint8).reshape(1, 2, 4)
    assert block_mean(x, 2).tolist() == [[[2.5, 4.5]]]
    assert block_mean(x, 2).dtype == np.float32


def test_block_mean_refuses_remainders():
    with pytest.raises(ValueError, match="whole number"):
        block_mean(np.zeros((1, 8, 9)))


def scores(labels):
    """One-hot scores (3, 1, w); -1 has no score at all."""
    return np.stack([np.array([labels]) == k for k in range(3)]).astype(np.float32)


def test_confident_labels_by_hand():
    la, ha = [0, 0, 1, 2, 1, -1], [0, 1, 0, 1, 1, -1]
    assert confident_labels(scores(la), scores(ha)).tolist() == [[0, 255, 0, 2, 1, 255]]


def test_confident_labels_want_the_same_classes():
    with pytest.raises(ValueError, match="differ in shape"):
        confident_labels(scores([0]), scores([0])[:2])


def test_pair_labels_by_hand():
    """The source is in the middle of the first row, its neighbours right of it and below."""
    labels = torch.tensor([[[9, 0, 0], [1, 255, 0]], [[9, 2, 2], [0, 255, 1]]], dtype=torch.uint8)
    bg, fg, neg = (kind[..., 0].tolist() for kind in pair_labels(labels, 2))
    assert bg == [[1, 0, 0, 1], [0, 0, 0, 0]]
    assert fg == [[0, 0, 0, 0], [1, 0, 0, 0]]
    assert neg == [[0, 1, 0, 0], [0, 1, 0, 1]]


def test_pair_labels_are_disjoint_and_leave_out_the_ignored():
    labels = torch.tensor([0, 1, 2, 255])[torch.randint(0, 4, (2, 6, 9))]
    source, target = pair_indices(6, 9, 3)
    flat = labels.flatten(1)
    valid = (flat[:, source].unsqueeze(1) < 255) & (flat[:, target] < 255)
    assert torch.equal(sum(pair_labels(labels, 3)), valid.float())
