import torch
from torch import nn

from wsss.nn.backbones.dilate import dilate


def stage():
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)),
        nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Conv2d(1, 1, 3, padding=1, bias=False)),
    )


def test_dilated_stage_agrees_with_the_strided_one_where_both_look():
    torch.manual_seed(0)
    strided, dense, x = stage(), stage(), torch.randn(1, 1, 16, 16)
    dense.load_state_dict(strided.state_dict())
    dilate(dense, dilation=2, previous=1)
    assert dense(x).shape == x.shape
    torch.testing.assert_close(dense(x)[..., ::2, ::2], strided(x))


def test_only_3x3_convolutions_change():
    blocks = stage()
    dilate(blocks, dilation=4, previous=2)
    rates = [m.dilation[0] for m in blocks.modules() if isinstance(m, nn.Conv2d)]
    assert rates == [2, 1, 4]
