import pytest
import torch

from wsss.nn.backbones import build
from wsss.nn.backbones.xception65 import Block, SeparableConv


def bare(stride):
    with torch.device("meta"):
        return build("xception65", stride)


def test_official_parameter_count():
    with torch.device("meta"):
        from wsss.nn.segmenters import build as segmenter

        net = segmenter("deeplab_v3plus", bare(16), 21)
    assert sum(p.numel() for p in net.parameters()) == 54_705_317
    assert len(net.state_dict()) == 848


@pytest.mark.parametrize(("stride", "middle", "last"), [(16, 1, 2), (8, 2, 4)])
def test_dilations(stride, middle, last):
    net = bare(stride)
    rates = [
        [m.conv1.dilation[0] for m in net.get_submodule(f"block{i}").rep[1::3]] for i in (4, 20)
    ]
    assert rates == [[middle] * 3, [middle, middle, 1]]
    assert [conv.conv1.dilation[0] for conv in (net.conv3, net.conv4, net.conv5)] == [last] * 3


@pytest.mark.parametrize("size", [(64, 64), (49, 73)])
@pytest.mark.parametrize("stride", [16, 8])
def test_sizes(stride, size):
    net = bare(stride)
    for tap, x in net(torch.empty(1, 3, *size, device="meta")).items():
        cells = [-(-side // net.strides[tap]) for side in size]
        assert x.shape == (1, net.channels[tap], *cells)


def test_stride_does_not_change_the_names():
    shapes = [{k: v.shape for k, v in bare(s).state_dict().items()} for s in (16, 8)]
    assert shapes[0] == shapes[1]


def silent(block):
    torch.nn.init.zeros_(block.rep[-2].pointwise.weight)
    return block.eval()


def test_shortcut_is_rectified_only_with_the_first_relu():
    x = torch.tensor([-1.0, 2.0]).view(1, 2, 1, 1)
    assert silent(Block(2, 2, 2))(x).flatten().tolist() == [0, 2]
    assert silent(Block(2, 2, 2, relu_first=False))(x).flatten().tolist() == [-1, 2]


@pytest.mark.parametrize(("first", "places"), [(True, [1, 4, 7]), (False, [0, 3, 6])])
def test_convolutions_have_the_official_places(first, places):
    rep = Block(2, 2, 4, relu_first=first).rep
    assert [i for i, m in enumerate(rep) if isinstance(m, SeparableConv)] == places


def test_block_does_not_change_its_input():
    x = torch.randn(1, 2, 5, 5)
    before = x.clone()
    Block(2, 3, 4, stride=2)(x)
    assert torch.equal(x, before)
