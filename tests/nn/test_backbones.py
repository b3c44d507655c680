import pytest
import torch
import torchvision
from torch import nn

from wsss.errors import UserError
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import NAMES, TAPS, build
from wsss.nn.backbones.vgg import caffe_input

SMALL = ("tiny", "mobilenet_v2", "resnet18", "vgg16_largefov")
STRIDES = [("mobilenet_v2", 8), ("mobilenet_v2", 16), ("resnet18", 32)]
STRIDES += [("resnet50", 8), ("resnet50", 16), ("resnet50", 32)]


def bare(name):
    """The backbone without memory for its weights."""
    with torch.device("meta"):
        return build(name)


@pytest.fixture(params=SMALL)
def backbone(request):
    return build(request.param)


@pytest.mark.parametrize("name", NAMES)
def test_registered_under_its_own_name(name):
    assert bare(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_taps_are_as_declared(name):
    backbone = bare(name).eval()
    taps = backbone(torch.empty(1, 3, 49, 73, device="meta"))
    assert taps.keys() == backbone.channels.keys() == backbone.strides.keys()
    assert {*TAPS, *backbone.edge_taps} <= taps.keys()
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


@pytest.mark.parametrize("name", NAMES)
def test_grids_of_the_methods(name):
    strides = bare(name).strides
    assert strides["conv3"] == 4
    assert strides["conv4"] == 8
    assert min(strides.values()) == strides["conv1"] <= 2


def test_finest_and_deepest_taps_of_resnet38d():
    net = bare("resnet38d")
    assert (net.channels["conv1"], net.strides["conv1"], net.channels["b7"]) == (64, 1, 2048)
    assert net.edge_taps == ("conv1", "conv3", "conv5", "b7")


def test_last_features_are_not_negative(backbone):
    with torch.no_grad():
        assert backbone(torch.randn(2, 3, 32, 32))["conv6"].min() >= 0


def test_unknown_name_lists_the_known():
    with pytest.raises(UserError, match=r"unknown backbone 'vgg': use timm/<encoder> or .*tiny"):
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


@pytest.mark.parametrize("name", SMALL)
def test_nothing_is_frozen_on_demand(name):
    backbone = build(name, freeze=False).eval().train()
    assert all(p.requires_grad for p in backbone.parameters())
    assert all(m.training for m in backbone.modules())
    assert not any(m.training for m in backbone.eval().modules())


def test_thawed_batchnorm_learns_its_statistics():
    backbone = build("resnet18", freeze=False)
    backbone(1 + torch.randn(2, 3, 64, 64))
    assert backbone.bn1.running_mean.abs().min() > 0


def test_vgg16_gets_what_caffe_expects():
    red = (torch.tensor([1.0, 0, 0]) - torch.tensor([0.485, 0.456, 0.406])) / 0.225
    red *= 0.225 / torch.tensor([0.229, 0.224, 0.225])
    got = caffe_input(red.view(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(got, torch.tensor([-104.008, -116.669, 255 - 122.675]))


def test_vgg16_padding_is_one_grey_level_off():
    assert caffe_input(torch.zeros(1, 3, 2, 2)).abs().max() <= 1.0001


def test_vgg16_has_a_wider_view_for_affinity():
    backbone = bare("vgg16")
    assert backbone.fc6.dilation == (1, 1)
    with torch.device("meta"):
        net = AffinityNet(backbone)
    assert net.backbone.fc6.dilation == net.backbone.fc6.padding == (4, 4)


def test_largefov_has_the_names_of_torchvision():
    with torch.device("meta"):
        official = torchvision.models.vgg16(weights=None).features.state_dict(prefix="features.")
    ours = bare("vgg16_largefov").state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in official.items()}


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


def test_a_held_backbone_has_nothing_to_train():
    held = build("tiny", freeze="all")
    assert not any(parameter.requires_grad for parameter in held.train().parameters())
    before = held.state_dict()["stage1.norm1.running_mean"].clone()
    held(torch.rand(2, 3, 32, 32))
    assert torch.equal(held.state_dict()["stage1.norm1.running_mean"], before)
