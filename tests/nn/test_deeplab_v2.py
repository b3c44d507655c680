import pytest
import torch

from wsss.nn.backbones import build as backbone
from wsss.nn.backbones.resnet101_caffe import Bottleneck, ResNet101Caffe
from wsss.nn.segmenters.deeplab_v2 import ASPP, DeepLabV2
from wsss.nn.weights import backbone_state, load_state, official_names


@pytest.fixture
def small():
    return DeepLabV2(backbone("tiny"), 4)


@pytest.fixture(scope="module")
def published():
    with torch.device("meta"):
        return DeepLabV2(ResNet101Caffe(), 21)


@pytest.fixture(scope="module")
def resnet():
    return ResNet101Caffe()


@pytest.mark.parametrize("size", [(32, 32), (49, 73)])
def test_logits_have_the_size_of_the_input(small, size):
    with torch.no_grad():
        assert small.eval()(torch.randn(2, 3, *size)).shape == (2, 4, *size)


@pytest.mark.parametrize(
    ("size", "grids"),
    [
        ((321, 321), [(41, 41), (21, 21), (31, 31), (41, 41)]),
        ((375, 500), [(48, 63), (24, 32), (36, 48), (48, 63)]),
    ],
)
def test_grids_of_the_published_training(published, size, grids):
    logits = published.training_logits(torch.empty(1, 3, *size, device="meta"))
    assert [tuple(x.shape) for x in logits] == [(1, 21, *grid) for grid in grids]


def test_published_parameters(published):
    assert sum(p.numel() for p in published.parameters()) == 44_048_532
    assert len(published.state_dict()) == 632


def test_names_are_the_published_ones(published):
    names = official_names(published)
    assert all(name.startswith("base.") for name in names)
    assert "base.layer4.block23.conv3x3.bn.running_mean" in names
    assert "base.layer2.block1.shortcut.conv.weight" in names
    assert names["base.aspp.c3.bias"] == "aspp.c3.bias"


@pytest.mark.parametrize("prefix", ["base.", ""])
def test_published_weights_load(small, prefix):
    state = {
        prefix + name.removeprefix("backbone."): torch.rand(value.shape)
        for name, value in small.state_dict().items()
    }
    load_state(small, state, "weights")
    for name, value in small.aspp.state_dict().items():
        assert torch.equal(value, state[f"{prefix}aspp.{name}"])


def test_caffe_weights_come_with_another_classifier(published):
    state = published.backbone.state_dict()
    given = state | {"fc.weight": torch.zeros(91, 2048, 1, 1), "fc.bias": torch.zeros(91)}
    assert backbone_state("resnet101_caffe", given, "weights") == state


def test_backbone_of_a_published_segmenter(published):
    names, state = official_names(published), published.state_dict()
    given = {official: state[own] for official, own in names.items()}
    found = backbone_state("resnet101_caffe", given, "weights")
    assert found == {name: state[f"backbone.{name}"] for name in published.backbone.state_dict()}


def test_fused_logits_are_the_largest(small):
    small.eval().scales = (1.0, 1.0)
    one, two, three, fused = small.training_logits(torch.randn(1, 3, 32, 40))
    torch.testing.assert_close(one, two)
    torch.testing.assert_close(one, fused)
    assert torch.equal(one, three)


def test_one_scale_is_compared_once():
    net = DeepLabV2(backbone("tiny"), 4, scales=()).eval()
    x = torch.randn(1, 3, 32, 40)
    (logits,) = net.training_logits(x)
    assert torch.equal(logits, net.logits(x))


def test_pyramid_is_the_sum_of_its_rates():
    aspp, x = ASPP(2, 3, (1, 2)), torch.randn(1, 2, 5, 5)
    torch.testing.assert_close(aspp(x), aspp.c0(x) + aspp.c1(x))


def test_pyramid_starts_small_and_even():
    aspp = ASPP(64, 21, (6, 12, 18, 24))
    assert [conv.dilation for conv in aspp.children()] == [(r, r) for r in (6, 12, 18, 24)]
    assert all(0.009 < conv.weight.std() < 0.011 for conv in aspp.children())
    assert not any(conv.bias.any() for conv in aspp.children())


def test_gradients_reach_everything_that_is_trained(small):
    logits = small.training_logits(torch.randn(2, 3, 32, 32))
    sum(x.square().mean() for x in logits).backward()
    for name, p in small.named_parameters():
        assert (p.grad is not None) == p.requires_grad, name


def test_scratch_is_everything_but_the_backbone(small):
    head = {id(p) for part in small.from_scratch() for p in part.parameters()}
    assert head == {id(p) for p in small.parameters()} - {*map(id, small.backbone.parameters())}


def test_resnet_trains_its_convolutions_and_holds_batchnorm(resnet):
    resnet.train()(torch.randn(1, 3, 33, 41))["conv6"].square().mean().backward()
    for name, p in resnet.named_parameters():
        assert (p.grad is not None) == (".bn." not in name), name
    assert not any(m.training for m in resnet.modules() if isinstance(m, torch.nn.BatchNorm2d))


@pytest.mark.parametrize(("side", "cells"), [(33, 5), (63, 9), (64, 9), (65, 9)])
def test_resnet_rounds_up_in_its_pooling(published, side, cells):
    taps = published.backbone(torch.empty(1, 3, side, 49, device="meta"))
    assert {taps[tap].shape[2] for tap in ("conv4", "conv5", "conv6")} == {cells}


def test_block_strides_in_its_first_convolution():
    with torch.no_grad():
        block, x = Bottleneck(4, 2, 2, 1, project=True).eval(), torch.randn(1, 4, 6, 6)
        torch.testing.assert_close(block(x), block(x * _even(6)))


def _even(side):
    """A grid that is 1 at even rows and columns, else 0."""
    even = (torch.arange(side) % 2 == 0).float()
    return even[:, None] * even


def test_identity_of_a_block_is_its_input():
    block = Bottleneck(8, 2, 1, 2, project=False).eval()
    torch.nn.init.zeros_(block.increase.conv.weight)
    x = torch.rand(1, 8, 3, 3)
    torch.testing.assert_close(block(x), x)
