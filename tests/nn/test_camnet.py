import torch

from wsss.nn.backbones import build
from wsss.nn.camnet import CamNet


def net(classes=3):
    torch.manual_seed(0)
    return CamNet(build("tiny"), classes)


def test_shapes_and_sign():
    x, n = torch.randn(2, 3, 40, 56), net()
    assert n.logits(x).shape == (2, 3)
    assert n.cam(x).shape == (2, 3, 5, 7)
    assert n.cam(x).min() >= 0


def test_logit_is_the_mean_of_the_map_before_relu():
    x, n = torch.randn(1, 3, 32, 32), net().eval()
    n.fc8.weight.data.abs_()
    torch.testing.assert_close(n.logits(x), n.cam(x).mean((2, 3)))


def test_dropout_is_for_training_logits_only():
    x, n = torch.randn(1, 3, 32, 32), net()
    assert not torch.equal(n.logits(x), n.logits(x))
    assert torch.equal(n.cam(x), n.cam(x))


def test_classifier_is_bias_free_and_from_scratch():
    n = net(classes=7)
    assert n.fc8.bias is None
    assert n.fc8.weight.shape == (7, 112, 1, 1)
    assert n.from_scratch() == (n.fc8,)
