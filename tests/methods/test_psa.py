import pytest
import torch
from pydantic import ValidationError

from wsss.methods.psa import Psa, PsaParams
from wsss.nn.backbones import build
from wsss.nn.task import Progress


def test_loss_of_a_silent_classifier_is_log_2():
    psa = Psa(build("tiny"), 2, PsaParams())
    torch.nn.init.zeros_(psa.net.fc8.weight)
    batch = {"image": torch.randn(2, 3, 32, 32), "label": torch.tensor([[1.0, 0], [0, 1]])}
    assert psa(batch, Progress(0, 1, 0))["net"]["cls"].item() == pytest.approx(0.693147, rel=1e-5)


@pytest.mark.parametrize("wrong", [{"dropout": 1.0}, {"dropout": -0.1}, {"drop": 0.5}])
def test_params_are_checked(wrong):
    with pytest.raises(ValidationError):
        PsaParams(**wrong)


def test_dropout_reaches_the_network():
    assert Psa(build("tiny"), 2, PsaParams(dropout=0.25)).net.dropout7.p == 0.25
