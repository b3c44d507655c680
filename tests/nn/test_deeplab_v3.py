import pytest
import torch
from torchvision.models.segmentation import deeplabv3_resnet50

from wsss.nn.backbones import build as backbone
from wsss.nn.segmenters import build
from wsss.nn.weights import load_state, official_names


@pytest.fixture(scope="module")
def official():
    return deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=4, aux_loss=True)


def test_published_files_load_and_give_the_same(official):
    net = build("deeplab_v3", backbone("resnet50", 8), 4)
    load_state(net, official.state_dict(), "x.pth")
    x = torch.randn(1, 3, 49, 57)
    with torch.no_grad():
        torch.testing.assert_close(net.eval()(x), official.eval()(x)["out"])


def test_names_are_those_of_torchvision(official):
    with torch.device("meta"):
        names = official_names(build("deeplab_v3", backbone("resnet50"), 4))
    assert names.keys() == {k for k in official.state_dict() if not k.startswith("aux_")}


@pytest.mark.parametrize(
    ("stride", "rates"), [(8, [12, 24, 36]), (16, [6, 12, 18]), (32, [3, 6, 9])]
)
def test_rates_follow_the_stride(stride, rates):
    with torch.device("meta"):
        pyramid = build("deeplab_v3", backbone("resnet50", stride), 4).classifier[0]
    assert [conv[0].dilation[0] for conv in pyramid.convs[1:4]] == rates


def test_trains_on_one_image():
    net = build("deeplab_v3", backbone("tiny"), 4, width=8, separable=True)
    net(torch.randn(1, 3, 40, 48)).square().mean().backward()
    assert all(p.grad is not None for p in net.parameters())
