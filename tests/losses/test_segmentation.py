import math

import pytest
import torch

from wsss.losses.segmentation import cross_entropy


def test_mean_over_the_labelled_pixels():
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 0, 0, 1] = math.log(3)
    loss = cross_entropy(logits, torch.tensor([[[0, 1, 255]]]))
    assert loss.item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_ignored_pixels_have_no_gradient():
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    cross_entropy(logits, torch.tensor([[[0, 255], [1, 255]]])).backward()
    assert logits.grad[..., 1].abs().sum() == 0
    assert logits.grad[..., 0].abs().sum() > 0


def test_a_batch_without_labels_costs_nothing():
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = cross_entropy(logits, torch.full((1, 2, 2), 255))
    loss.backward()
    assert loss == 0
    assert logits.grad.abs().sum() == 0
