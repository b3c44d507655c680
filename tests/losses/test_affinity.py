import math

import pytest
import torch

from wsss.losses.affinity import affinity_loss


def test_terms_by_hand():
    affinity = torch.tensor([[[0.5, 0.5, 0.25, 0.75]]])
    kinds = torch.eye(4).view(4, 1, 1, 4)
    loss = affinity_loss(affinity, kinds[0] + kinds[1], kinds[2], kinds[3])
    expected = {"bg": math.log(2) / 4, "fg": math.log(4) / 4, "neg": math.log(4) / 2}
    assert {k: v.item() for k, v in loss.items()} == pytest.approx(expected, rel=1e-3)


def test_kinds_without_pairs_cost_nothing():
    none = torch.zeros(1, 2, 3)
    loss = affinity_loss(torch.rand(1, 2, 3), none, none, none)
    assert all(v == 0 for v in loss.values())


def test_extreme_affinities_stay_finite():
    affinity = torch.tensor([[[0.0, 1.0]]], requires_grad=True)
    every = torch.ones(1, 1, 2)
    sum(affinity_loss(affinity, every, every, every).values()).backward()
    assert affinity.grad.isfinite().all()


def test_means_run_over_the_whole_batch():
    affinity = torch.tensor([[[0.5, 0.5]], [[0.25, 0.9]]])
    bg = torch.tensor([[[1.0, 1.0]], [[1.0, 0.0]]])
    loss = affinity_loss(affinity, bg, torch.zeros_like(bg), torch.zeros_like(bg))
    assert loss["bg"].item() == pytest.approx(math.log(16) / 3 / 4, rel=1e-3)
