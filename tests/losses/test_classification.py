import math

import pytest
import torch
import torch.nn.functional as F

from wsss.losses.classification import multilabel_soft_margin, probability_bce


def test_undecided_logits_cost_ln_2():
    loss = multilabel_soft_margin(torch.zeros(2, 3), torch.ones(2, 3))
    assert loss.item() == pytest.approx(math.log(2))


def test_equals_the_soft_margin_of_pytorch():
    logits, labels = torch.randn(4, 5), torch.randint(0, 2, (4, 5)).float()
    expected = F.multilabel_soft_margin_loss(logits, labels)
    assert torch.allclose(multilabel_soft_margin(logits, labels), expected)


def test_even_probabilities_cost_ln_2():
    assert probability_bce(torch.zeros(2, 3), torch.eye(3)[:2]).item() == pytest.approx(math.log(2))


def test_probabilities_cost_what_logits_do():
    logits, labels = 3 * torch.randn(4, 20), torch.randint(2, (4, 20)).float()
    expected = multilabel_soft_margin(logits, labels)
    assert torch.allclose(probability_bce(logits, labels), expected, rtol=1e-5)


def test_a_saturated_sigmoid_is_cut():
    wrong = probability_bce(torch.tensor([[100.0, -200.0]]), torch.tensor([[0.0, 1.0]]))
    assert wrong.item() == 100


def test_half_precision_does_not_saturate_earlier():
    logits, labels = torch.tensor([[8.0, -8.0]]).bfloat16(), torch.tensor([[0.0, 1.0]])
    with torch.autocast("cpu", torch.bfloat16):
        loss = probability_bce(logits, labels)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(8.000335, rel=1e-4)


def test_no_probabilities_cost_nothing():
    logits = torch.zeros(0, 3, requires_grad=True)
    loss = probability_bce(logits, torch.zeros(0, 3))
    loss.backward()
    assert loss.item() == 0
