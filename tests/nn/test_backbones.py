import pytest
import torch
from torch import nn

from wsss.errors import UserError
from wsss.nn.backbones import NAMES, TAPS, build

SMALL = ("tiny", "mobilenet_v2", "resnet50")
STRIDES = [("tiny", 8), ("mobilenet_v2", 8), ("mobilenet_v2", 16)]
STRIDES += [("resnet50", 8), ("resnet50", 16), ("resnet50", 32)]


@pytest.fixture(params=SMALL)
def backbone(request):
    return build(request.param)


@pytest.mark.parametrize("name", NAMES)
def test_registered_under_its_own_name(name):
    with torch.device("meta"):
        assert build(name).name == name


def test_taps_are_as_declared(backbone):
    with torch.no_grad():
        taps = backbone.eval()(torch.randn(1, 3, 49, 73))
    assert tuple(taps) == TAPS
    for tap, x in taps.items():
        s = backbone.strides[tap]
        assert x.shape == (1, backbone.channels[tap], -(-49 // s), -(-73 // s))


@pytest.mark.parametrize(("name", "stride"), STRIDES)
def test_output_stride(name, stride):
    backbone = build(name, stride).eval()
    assert backbone.strides["conv6"] == stride
    with torch.no_grad():
        assert backbone(torch.randn(1, 3, 64, 64))["conv6"].shape[2:] == (64 // stride,) * 2


def test_stride_does_not_change_the_parameters():
    shapes = [
        {name: value.shape for name, value in build("mobilenet_v2", s).state_dict().items()}
        for s in (8, 16)
    ]
    assert shapes[0] == shapes[1]


def test_affinity_grid_is_stride_8():
    for name in SMALL:
        assert build(name).strides["conv4"] == 8
        assert build(name).strides["conv3"] == 4


def test_last_features_are_not_negative(backbone):
    with torch.no_grad():
        assert backbone(torch.randn(2, 3, 32, 32))["conv6"].min() >= 0


def test_unknown_name_lists_the_known():
    with pytest.raises(UserError, match=r"unknown backbone 'vgg'.*tiny"):
        build("vgg")


@pytest.mark.parametrize(("name", "stride"), [("tiny", 16), ("mobilenet_v2", 4), ("resnet50", 1)])
def test_impossible_stride(name, stride):
    with pytest.raises(UserError, match=f"output_stride {stride}: backbone {name} can do"):
        build(name, stride)


def test_train_keeps_frozen_layers_frozen(backbone):
    backbone.requires_grad_(True).train()
    for name in backbone.frozen:
        assert not any(p.requires_grad for p in backbone.get_submodule(name).parameters())
    assert any(p.requires_grad for p in backbone.parameters())


def test_batchnorm_is_held():
    backbone = build("mobilenet_v2").train()
    norms = [m for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    before = norms[-1].running_mean.clone()
    backbone(torch.randn(2, 3, 32, 32))
    assert not any(m.training or m.weight.requires_grad for m in norms)
    assert torch.equal(before, norms[-1].running_mean)


def test_tiny_is_tiny_and_trains_everything():
    parameters = list(build("tiny").parameters())
    assert 0.3e6 < sum(p.numel() for p in parameters) < 0.5e6
    assert all(p.requires_grad for p in parameters)


def test_every_trained_parameter_gets_a_gradient(backbone):
    backbone.train()(torch.randn(2, 3, 64, 64))["conv6"].square().mean().backward()
    for name, p in backbone.named_parameters():
        assert (p.grad is not None) == p.requires_grad, name
