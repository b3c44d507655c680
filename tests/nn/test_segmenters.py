import pytest
import torch
from torch import nn

from wsss.errors import UserError
from wsss.nn.backbones import build as backbone
from wsss.nn.segmenters import NAMES, build
from wsss.nn.segmenters.layers import PooledBatchNorm
from wsss.nn.weights import load_state, read_state


def small(name="tiny", separable=True):
    return build("deeplab_v3plus", backbone(name), 4, width=16, low_width=8, separable=separable)


def test_unknown_name_lists_the_known():
    with pytest.raises(UserError, match=r"unknown segmenter 'unet'.*deeplab_v3plus"):
        build("unet", backbone("tiny"), 4)


@pytest.mark.parametrize("size", [(32, 32), (49, 73)])
@pytest.mark.parametrize("name", NAMES)
def test_logits_have_the_size_of_the_input(name, size):
    net = build(name, backbone("tiny"), 4).eval()
    with torch.no_grad():
        assert net(torch.randn(1, 3, *size)).shape == (1, 4, *size)


@pytest.mark.parametrize("name", NAMES)
def test_scratch_is_everything_but_the_backbone(name):
    net = build(name, backbone("tiny"), 4)
    head = {id(p) for part in net.from_scratch() for p in part.parameters()}
    assert head == {id(p) for p in net.parameters()} - {id(p) for p in net.backbone.parameters()}


@pytest.mark.parametrize("name", NAMES)
def test_own_and_official_names_load(name, tmp_path):
    net, other = (build(name, backbone("tiny"), 4) for _ in range(2))
    official = {net.official_name(key): t for key, t in other.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": official}, tmp_path / "x.pth")
    for state in (read_state(tmp_path / "x.pth"), other.state_dict()):
        load_state(net, state, "x.pth")
        assert all(torch.equal(t, other.state_dict()[key]) for key, t in net.state_dict().items())


@pytest.mark.parametrize("separable", [False, True])
def test_mobile_backbone(separable):
    with torch.no_grad():
        assert small("mobilenet_v2", separable)(torch.randn(1, 3, 49, 73)).shape == (1, 4, 49, 73)


@pytest.mark.parametrize("name", ["tiny", "mobilenet_v2"])
def test_batch_of_one_trains(name):
    net = small(name)
    net(torch.randn(1, 3, 32, 32)).square().mean().backward()
    for key, p in net.named_parameters():
        assert (p.grad is not None) == p.requires_grad, key


def test_pooled_batchnorm_is_batchnorm_when_it_can():
    ours, plain = PooledBatchNorm(3), torch.nn.BatchNorm2d(3)
    x = torch.randn(2, 3, 1, 1)
    torch.testing.assert_close(ours(x), plain(x))
    torch.testing.assert_close(ours.running_mean, plain.running_mean)


def test_pooled_batchnorm_of_one_value_uses_the_statistics():
    norm, x = PooledBatchNorm(3), torch.randn(1, 3, 1, 1)
    torch.testing.assert_close(norm(x), x / (1 + norm.eps) ** 0.5)
    assert torch.equal(norm.running_mean, torch.zeros(3))


def bare(stride):
    with torch.device("meta"):
        return build("deeplab_v3plus", backbone("resnet101", stride), 21)


def test_official_parameter_count():
    net = bare(16)
    assert sum(p.numel() for p in net.parameters()) == 59_344_309
    assert len(net.state_dict()) == 680


def dilations(layer):
    convs = [m for m in layer.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert all(conv.padding == conv.dilation for conv in convs)
    return [conv.dilation[0] for conv in convs], convs[0].stride[0]


OFFICIAL = {16: ([1] * 23, 2, [2, 4, 8], [6, 12, 18]), 8: ([2] * 23, 1, [4, 8, 16], [12, 24, 36])}


@pytest.mark.parametrize("stride", OFFICIAL)
def test_dilations_and_multi_grid(stride):
    net, (layer3, step, layer4, rates) = bare(stride), OFFICIAL[stride]
    assert dilations(net.backbone.layer3) == (layer3, step)
    assert dilations(net.backbone.layer4) == (layer4, 1)
    assert [b.atrous_conv.dilation[0] for b in list(net.aspp.children())[1:4]] == rates


def test_no_multi_grid_where_nothing_is_dilated():
    assert dilations(bare(32).backbone.layer4) == ([1, 1, 1], 2)


def test_separable_is_smaller():
    count = [sum(p.numel() for p in small(separable=s).parameters()) for s in (False, True)]
    assert count[1] < count[0]
