import math

import numpy as np
import pytest
import torch

from wsss.ops.affinity import block_mean, confident_labels, pair_affinity, pair_labels
from wsss.ops.pairs import pair_indices

SOURCE, TARGET = torch.tensor([0, 1]), torch.tensor([[1, 2]])


def test_affinity_by_hand():
    features = torch.tensor([[[[0.0, 1.0, 1.0]], [[0.0, 3.0, 3.0]]]])
    affinity = pair_affinity(features, SOURCE, TARGET)
    assert torch.allclose(affinity, torch.tensor([[[math.exp(-2), 1.0]]]))


def test_affinity_gradient():
    features = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    pairs = pair_indices(3, 4, 2)
    assert torch.autograd.gradcheck(lambda x: pair_affinity(x, *pairs), features)


def test_affinity_of_half_precision_is_single():
    features = torch.randn(1, 4, 1, 3)
    half = pair_affinity(features.bfloat16(), SOURCE, TARGET)
    assert half.dtype == torch.float32
    assert torch.equal(half, pair_affinity(features.bfloat16().float(), SOURCE, TARGET))


def test_affinity_of_no_pairs():
    assert pair_affinity(torch.rand(2, 3, 1, 1), *pair_indices(1, 1, 0)).shape == (2, 0, 1)


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
    source, target = torch.arange(6), torch.tensor([[1, 2, 3, 4, 5, 6]])
    labels = torch.tensor([[[0, 0, 1, 1, 2, 255, 255]]], dtype=torch.uint8)
    bg, fg, neg = pair_labels(labels, source, target)
    assert bg.tolist() == [[[1, 0, 0, 0, 0, 0]]]
    assert fg.tolist() == [[[0, 0, 1, 0, 0, 0]]]
    assert neg.tolist() == [[[0, 1, 0, 1, 0, 0]]]


def test_pair_labels_are_disjoint_and_leave_out_the_ignored():
    labels = torch.tensor([0, 1, 2, 255])[torch.randint(0, 4, (2, 6, 9))]
    source, target = pair_indices(6, 9, 3)
    flat = labels.flatten(1)
    valid = (flat[:, source].unsqueeze(1) < 255) & (flat[:, target] < 255)
    assert torch.equal(sum(pair_labels(labels, source, target)), valid.float())
