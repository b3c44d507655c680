import pytest
import torch

from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build


@pytest.mark.parametrize("name", ["tiny", "mobilenet_v2"])
def test_features_lie_on_the_stride_8_grid(name):
    net = AffinityNet(build(name), widths=(8, 16, 32))
    with torch.no_grad():
        assert net.features(torch.randn(2, 3, 49, 65)).shape == (2, 56, 7, 9)


def test_official_widths():
    with torch.device("meta"):
        net = AffinityNet(build("resnet38d"))
    shapes = [tuple(m.weight.shape[:2]) for m in net.from_scratch()]
    assert shapes == [(64, 512), (128, 1024), (256, 4096), (448, 448)]


def test_narrowing_before_resizing_is_the_same():
    x = torch.randn(1, 1280, 3, 4)
    narrow = AffinityNet(build("mobilenet_v2")).f8_5
    up = torch.nn.Upsample(size=(5, 8), mode="bilinear")
    torch.testing.assert_close(up(narrow(x)), narrow(up(x)), atol=1e-5, rtol=1e-4)


def test_vgg16_has_norms_that_count_as_pretrained():
    with torch.device("meta"):
        net = AffinityNet(build("vgg16"))
    norms = (net.gn8_3, net.gn8_4, net.gn8_5)
    assert [(n.num_groups, n.num_channels) for n in norms] == [(8, 64), (16, 128), (32, 256)]
    assert not {*norms} & {*net.from_scratch()}


def test_elu_bounds_the_features():
    with torch.no_grad():
        assert AffinityNet(build("tiny")).features(torch.randn(1, 3, 32, 32)).min() > -1
