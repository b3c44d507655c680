import math

import pytest
import torch
import torch.nn.functional as F

from wsss.losses.classification import multilabel_soft_margin


def test_undecided_logits_cost_ln_2():
    loss = multilabel_soft_margin(torch.zeros(2, 3), torch.ones(2, 3))
    assert loss.item() == pytest.approx(math.log(2))


def test_equals_the_soft_margin_of_pytorch():
    logits, labels = torch.randn(4, 5), torch.randint(0, 2, (4, 5)).float()
    expected = F.multilabel_soft_margin_loss(logits, labels)
    assert torch.allclose(multilabel_soft_margin(logits, labels), expected)
