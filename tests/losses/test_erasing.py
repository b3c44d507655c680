import pytest
import torch

from wsss.losses.erasing import attention_area, attention_mining


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
    loss = mining + attention_area(maps)
    loss.backward()
    assert loss.item() == 0
