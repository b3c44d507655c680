import pytest
import torch

from wsss.nn.aeftnet import AeftNet
from wsss.nn.backbones import build


def net(backbone="tiny", classes=3, **options):
    torch.manual_seed(0)
    return AeftNet(build(backbone), classes, **options)


@pytest.mark.parametrize("backbone", ["tiny", "mobilenet_v2"])
@pytest.mark.parametrize("size", [(16, 16), (40, 56)])
def test_shapes(backbone, size):
    n = net(backbone).eval()
    features = n.features(n.backbone(torch.randn(2, 3, *size)))
    cam, pooled = n.maps(features)
    assert cam.shape == pooled.shape == (2, 3, *features.shape[2:])
    assert n.classify(features, size).shape == (2, 3)


def test_maps_are_linear_in_the_features_and_signed():
    x, n = torch.randn(1, 3, 32, 32), net().eval()
    features = n.features(n.backbone(x))
    expected = torch.einsum("cd,bdhw->bchw", n.class_weight(), features)
    torch.testing.assert_close(n.cam(x), expected)
    assert features.min() >= 0 > n.cam(x).min()


def test_dropout_of_the_backbone():
    with torch.device("meta"):
        backbone = AeftNet(build("resnet38d"), 2, backbone_dropout=0.25).backbone
    drops = [m.p for m in backbone.modules() if isinstance(m, torch.nn.Dropout2d)]
    assert drops == [0.25] * 4


def test_what_is_never_applied_is_kept_but_not_trained():
    n = net()
    n.classify(n.features(n.backbone(torch.randn(2, 3, 32, 32))), (32, 32)).sum().backward()
    assert {"bn8.weight", "bn8.running_var"} <= n.state_dict().keys()
    for name, p in n.named_parameters():
        assert (p.grad is not None) == p.requires_grad == (not name.startswith("bn8")), name


def test_all_but_the_backbone_starts_from_scratch():
    n = net()
    scratch = {id(p) for module in n.from_scratch() for p in module.parameters()}
    trained = {id(p) for name, p in n.named_parameters() if not name.startswith("backbone.")}
    assert scratch == trained - {id(p) for p in n.bn8.parameters()}


def test_maps_are_float32_under_autocast():
    n = net()
    with torch.autocast("cpu", torch.bfloat16):
        features = n.features(n.backbone(torch.randn(2, 3, 32, 32)))
        maps = n.maps(features)
        logits = n.classify(features, (32, 32))
    assert {x.dtype for x in (*maps, logits)} == {torch.float32}
