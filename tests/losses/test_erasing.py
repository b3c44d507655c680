import math

import pytest
import torch

from wsss.losses.classification import multilabel_soft_margin
from wsss.losses.erasing import attention_area, attention_mining, probability_bce


def test_silent_classifier_costs_log_2():
    assert probability_bce(torch.zeros(2, 3), torch.eye(3)[:2]).item() == pytest.approx(math.log(2))


def test_agrees_with_the_loss_on_logits():
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


def test_attention_mining_reads_the_erased_class():
    scores = torch.tensor([[0.1, 0.9], [0.5, 0.2], [0.3, 0.4]])
    assert attention_mining(scores, torch.tensor([1, 0, 0])).item() == pytest.approx(1.7 / 3)


def test_attention_area_is_a_mean_over_pairs_and_pixels():
    maps = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 3, 3)
    assert attention_area(maps).item() == 0.5


def test_no_pair_costs_nothing_and_stays_differentiable():
    scores = torch.zeros(0, 3, requires_grad=True)
    maps = torch.zeros(0, 1, 4, 4, requires_grad=True)
    mining = attention_mining(scores, torch.zeros(0, dtype=torch.int64))
    loss = mining + attention_area(maps) + probability_bce(scores, torch.zeros(0, 3))
    loss.backward()
    assert loss.item() == 0
