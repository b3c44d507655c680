import pytest
import torch
from torch import nn

from wsss.nn.backbones import build as backbone
from wsss.nn.segmenters.deeplab_v1 import DeepLabV1
from wsss.nn.weights import load_state, official_names


@pytest.fixture
def small():
    return DeepLabV1(backbone("tiny"), 4, width=8)


@pytest.fixture(scope="module")
def published():
    with torch.device("meta"):
        return DeepLabV1(backbone("resnet38d"), 21)


@pytest.mark.parametrize("size", [(32, 32), (49, 73)])
def test_logits_have_the_size_of_the_input(small, size):
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        assert small.eval()(x).shape == (2, 4, *size)
        assert small.logits(x).shape == (2, 4, -(-size[0] // 8), -(-size[1] // 8))


def test_published_size_of_the_features(published):
    assert published.logits(torch.empty(1, 3, 448, 441, device="meta")).shape == (1, 21, 56, 56)


def test_published_parameters(published):
    assert sum(p.numel() for p in published.parameters()) == 124_220_245
    assert len(published.state_dict()) == 242
    assert published.conv_fov.dilation == published.conv_fov.padding == (12, 12)


def test_names_are_the_published_ones(published):
    names = official_names(published)
    assert {"backbone.bn7.running_var", "bn_fov2.weight", "cls_conv.bias"} <= names.keys()
    assert all(official == own for official, own in names.items())


def test_training_compares_at_the_size_of_the_image(small):
    x = torch.randn(1, 3, 33, 40)
    (logits,) = small.eval().training_logits(x)
    torch.testing.assert_close(logits, small(x))


def test_corners_of_the_features_stay_in_the_corners(small):
    x = torch.randn(1, 3, 40, 40)
    low, full = small.eval().logits(x), small(x)
    corners = (..., slice(None, None, 39), slice(None, None, 39))
    torch.testing.assert_close(full[corners], low[..., ::4, ::4])


def test_gradients_reach_everything_that_is_trained(small):
    small(torch.randn(2, 3, 32, 32)).square().mean().backward()
    for name, p in small.named_parameters():
        assert (p.grad is not None) == p.requires_grad, name


def test_every_batchnorm_moves_slowly(small):
    norms = [module for module in small.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) > 2
    assert {norm.momentum for norm in norms} == {0.0003}


def test_dropout_acts_in_training_only(small):
    x = torch.randn(2, 3, 64, 64)
    assert not torch.equal(small(x), small(x))
    assert torch.equal(small.eval()(x), small(x))


def test_scratch_is_everything_but_the_backbone(small):
    head = {id(p) for part in small.from_scratch() for p in part.parameters()}
    assert head == {id(p) for p in small.parameters()} - {*map(id, small.backbone.parameters())}


def test_own_weights_load_again(small):
    other = DeepLabV1(backbone("tiny"), 4, width=8)
    load_state(other, small.state_dict(), "weights")
    x = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(other.eval()(x), small.eval()(x))
