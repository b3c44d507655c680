import pytest
import torch
import torchvision

from wsss.nn.backbones import build
from wsss.nn.localizer import Localizer
from wsss.nn.weights import official_names
from wsss.ops.gradcam import class_maps, gradient_weights, ranked_classes

COUNTS = {
    "resnet18": (122, 11_186_772),
    "resnet50": (320, 23_549_012),
    "resnet101": (626, 42_541_140),
    "vgg16_largefov": (28, 14_724_948),
}
"""Tensors and parameters of the published networks (docs/methods/eader.md 4.4)."""


def on_meta(name):
    with torch.device("meta"):
        return Localizer(build(name), 20)


@pytest.mark.parametrize("name", COUNTS)
def test_size_of_the_published_networks(name):
    net = on_meta(name)
    parameters = sum(p.numel() for p in net.parameters())
    assert (len(net.state_dict()), parameters) == COUNTS[name]


@pytest.mark.parametrize("name", ["resnet18", "resnet101"])
def test_names_are_those_of_torchvision(name):
    theirs = torchvision.models.get_model(name, num_classes=20).state_dict()
    assert list(official_names(on_meta(name))) == list(theirs)


def test_names_of_largefov():
    names = list(official_names(on_meta("vgg16_largefov")))
    assert names[:2] == ["features.0.weight", "features.0.bias"]
    assert names[-2:] == ["classifier.weight", "classifier.bias"]


def test_logits_are_the_mean_of_the_maps_plus_bias():
    net = Localizer(build("tiny"), 3).eval()
    image = torch.randn(2, 3, 64, 48)
    with torch.no_grad():
        maps = class_maps(net.features(net.backbone(image)), net.class_weight())
        assert torch.allclose(net(image), maps.mean((2, 3)) + net.fc.bias, atol=1e-6)


def test_its_gradients_are_its_class_weights():
    net = Localizer(build("tiny"), 3)
    features = torch.rand(2, net.backbone.channels["conv6"], 3, 4)
    classes = ranked_classes(torch.ones(2, 3))
    weights = gradient_weights(features, lambda f: net.classify(f, (24, 32)), classes)
    assert net.linear
    assert torch.allclose(12 * weights, net.class_weight().expand(2, -1, -1), atol=1e-6)


def test_scratch_is_the_head():
    net = Localizer(build("tiny"), 3)
    assert [id(p) for p in net.from_scratch()[0].parameters()] == [
        id(p) for p in net.fc.parameters()
    ]
