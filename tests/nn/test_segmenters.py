import pytest
import torch

from wsss.errors import UserError
from wsss.nn.backbones import build as backbone
from wsss.nn.segmenters import NAMES, build
from wsss.nn.segmenters.deeplab_v3plus import PooledBatchNorm


def small(name="tiny", separable=True):
    return build(NAMES[0], backbone(name), 4, width=16, low_width=8, separable=separable)


def test_unknown_name_lists_the_known():
    with pytest.raises(UserError, match=r"unknown segmenter 'unet'.*deeplab_v3plus"):
        build("unet", backbone("tiny"), 4)


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("size", [(32, 32), (49, 73)])
@pytest.mark.parametrize("name", ["tiny", "mobilenet_v2"])
def test_logits_have_the_size_of_the_input(name, size, separable):
    with torch.no_grad():
        assert small(name, separable).eval()(torch.randn(1, 3, *size)).shape == (1, 4, *size)


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


def test_official_parameter_count():
    with torch.device("meta"):
        net = build("deeplab_v3plus", backbone("resnet101"), 21)
    assert sum(p.numel() for p in net.parameters()) == 59_344_309
    assert len(net.state_dict()) == 680


def test_separable_is_smaller():
    count = [sum(p.numel() for p in small(separable=s).parameters()) for s in (False, True)]
    assert count[1] < count[0]


def test_scratch_is_everything_but_the_backbone():
    net = small()
    head = {id(p) for part in net.scratch() for p in part.parameters()}
    assert head == {id(p) for p in net.parameters()} - {id(p) for p in net.backbone.parameters()}
