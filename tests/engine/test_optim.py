import pytest
import torch
from torch import nn

from wsss.engine.optim import Poly, make_optimizer, param_groups


def net():
    old, new, frozen = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
    frozen.requires_grad_(False)
    return nn.ModuleList([old, new, frozen]), (new,)


def test_four_groups_with_the_official_factors():
    whole, scratch = net()
    groups = param_groups(whole, scratch, lr=1.0, head_lr_factor=10, weight_decay=0.5)
    assert [g["lr"] for g in groups] == [1, 2, 10, 20]
    assert [g["weight_decay"] for g in groups] == [0.5, 0, 0.5, 0]
    assert sum(len(g["params"]) for g in groups) == 4


def test_biases_may_be_treated_as_weights():
    whole, scratch = net()
    groups = param_groups(whole, scratch, 1.0, 10, 0.5, bias_lr_factor=1, decay_biases=True)
    assert [g["lr"] for g in groups] == [1, 1, 10, 10]
    assert [g["weight_decay"] for g in groups] == [0.5] * 4


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_an_optimiser_steps(name):
    whole, scratch = net()
    before = whole[0].weight.detach().clone()
    optimizer = make_optimizer(name, param_groups(whole, scratch, 0.1, 10, 0.0), momentum=0.5)
    whole[0](torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert not torch.equal(whole[0].weight, before)


def test_poly_starts_at_the_full_rate_and_never_reaches_zero():
    optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.ones(1))], "lr": 2.0}])
    poly = Poly(optimizer, total=4, power=0.9)
    factors = [round(poly.factor(t), 4) for t in range(6)]
    assert factors == [1, 0.7719, 0.5359, 0.2872, 0.2872, 0.2872]
    poly.set(1)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(2 * 0.75**0.9)


def test_the_schedule_may_be_a_staircase():
    """DeepLab v2: steps 0 to 9 at the full rate, 10 to 19 at that of step 10."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.5e-4)
    poly = Poly(optimizer, 20000, 0.9, every=10)
    assert [poly.factor(step) for step in (0, 9)] == [1, 1]
    assert 2.5e-4 * poly.factor(10) == pytest.approx(2.49887e-4, rel=1e-5)
    assert poly.factor(19) == poly.factor(10)
    assert 2.5e-4 * poly.factor(19999) == pytest.approx(2.67e-7, rel=1e-2)


def test_the_rate_may_rise_first():
    """ToCo: step 200 of 1500 has a rate of 7.96e-6, step 1600 of 20000 one of 5.566e-5."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=6e-5)
    poly = Poly(optimizer, 20000, 0.9, warmup=1500)
    assert 6e-5 * poly.factor(199) == pytest.approx(7.96e-6, rel=1e-4)
    assert 6e-5 * poly.factor(1599) == pytest.approx(5.566e-5, rel=1e-3)
    assert 6e-5 * poly.factor(19999) == pytest.approx(8.077e-9, rel=1e-3)
