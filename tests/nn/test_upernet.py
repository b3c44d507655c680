import pytest
import torch
from torch import nn

from wsss.nn.backbones import TAPS, Backbone, build
from wsss.nn.segmenters.upernet import UPerNet, pooled


def test_pooling_by_hand():
    x = torch.arange(12.0).view(1, 1, 3, 4)
    means = [[(0 + 1 + 4 + 5) / 4, (2 + 3 + 6 + 7) / 4], [(4 + 5 + 8 + 9) / 4, 8.5]]
    torch.testing.assert_close(pooled(x, 2), torch.tensor([[means]]))


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(7, 11), (1, 5), (6, 6)])
def test_pooling_is_that_of_torch(size, bins):
    x = torch.randn(2, 3, *size)
    torch.testing.assert_close(pooled(x, bins), nn.AdaptiveAvgPool2d(bins)(x))


class Patches(Backbone):
    """Taps of one stride, as those of a ViT."""

    name = "patches"

    def __init__(self, patch):
        super().__init__()
        self.channels, self.strides = dict.fromkeys(TAPS, 6), dict.fromkeys(TAPS, patch)
        self.embed = nn.Conv2d(3, 6, patch, patch)
        self.patch = patch

    def forward(self, x):
        x = nn.functional.pad(x, (0, -x.shape[3] % self.patch, 0, -x.shape[2] % self.patch))
        return dict.fromkeys(TAPS, self.embed(x))


@pytest.mark.parametrize("patch", [14, 16])
def test_taps_of_one_stride_are_resized_to_a_pyramid(patch):
    net, seen = UPerNet(Patches(patch), 3, width=8), []
    for layer in net.pyramid.smooth:
        layer.register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape[2:])))
    assert net(torch.randn(2, 3, 64, 48)).shape == (2, 3, 64, 48)
    assert seen == [(16, 12), (8, 6), (-(-64 // min(16, patch)), -(-48 // min(16, patch)))]


@pytest.mark.parametrize("size", [(33, 47), (3, 5)])
@pytest.mark.parametrize("backbone", ["tiny", "resnet18"])
def test_every_layer_learns_from_images_of_any_size(backbone, size):
    net = UPerNet(build(backbone, freeze=False).eval(), 3, width=8, separable=True)
    net(torch.randn(2, 3, *size)).square().mean().backward()
    assert not [n for n, p in net.named_parameters() if p.requires_grad and p.grad is None]
