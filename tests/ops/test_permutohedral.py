"""The lattice: simplices that enclose their features, and one implementation for both libraries."""

import numpy as np
import pytest
import torch

from wsss.errors import UserError
from wsss.ops.lattice_kernels import build
from wsss.ops.permutohedral import elevation, first_key, numbering, simplices

RNG = np.random.default_rng(0)


def planes(dimensions, pixels=500):
    return list(RNG.uniform(0, 9, (dimensions, pixels)).astype(np.float32))


def built(features):
    found, keys = simplices(np, features), numbering([float(plane.max()) for plane in features])
    first = first_key(np, found, keys)
    return build(first, np.array(keys.along), np.stack(found.rest), np.stack(found.rank))


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_simplices_enclose_their_features(dimensions):
    found = simplices(np, planes(dimensions))
    rest, rank = np.stack(found.rest), np.stack(found.rank)
    assert np.abs(np.sum(found.nearest, axis=0)).max() == 0
    assert np.array_equal(np.sort(rank, axis=0)[:, 0], np.arange(dimensions + 1))
    # in the order of the ranks, the rests fall, by d + 1 in all at most
    ordered = np.take_along_axis(rest, np.argsort(rank, axis=0), axis=0)
    assert np.diff(ordered, axis=0).max() <= 1e-4
    assert (ordered[0] - ordered[-1]).max() <= dimensions + 1 + 1e-4


def test_a_feature_at_a_vertex_has_all_its_weight_there():
    assert sorted(built([np.zeros(1, np.float32)] * 2).weights.tolist()) == [0, 0, 1]


@pytest.mark.parametrize("dimensions", [2, 5])
def test_weights_are_shares(dimensions):
    factors = elevation(dimensions)
    lattice = built([p * f for p, f in zip(planes(dimensions), factors, strict=True)])
    weights = lattice.weights.reshape(-1, dimensions + 1)
    assert weights.min() >= -1e-5
    assert np.allclose(weights.sum(1), 1, atol=1e-5)
    assert lattice.vertices.max() + 2 == lattice.neighbours.shape[1]


def test_neighbours_are_mutual():
    neighbours = built(planes(2)).neighbours.astype(int)
    none = neighbours.shape[1] - 1
    for ahead, behind in neighbours.transpose(0, 2, 1):
        there = np.flatnonzero(ahead != none)
        assert len(there)
        assert np.array_equal(behind[ahead[there]], there)


@pytest.mark.parametrize("dimensions", [2, 5])
def test_pytorch_finds_the_same_simplices(dimensions):
    features = planes(dimensions)
    ours = simplices(np, features)
    theirs = simplices(torch, [torch.from_numpy(plane) for plane in features])
    keys = numbering([9.0] * dimensions)
    assert np.array_equal(first_key(np, ours, keys), first_key(torch, theirs, keys).numpy())
    for mine, other in zip(ours, theirs, strict=True):
        assert np.array_equal(np.stack(mine), torch.stack(other).numpy())


def test_numbers_of_points_fit_64_bits():
    with pytest.raises(UserError, match="too narrow"):
        numbering([1e5] * 5)
    assert numbering([1e3] * 5).total < 2**62
    with pytest.raises(UserError, match="too narrow"):
        numbering([1e3] * 5, images=2**12)
