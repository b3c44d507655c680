import pytest
import torch

from wsss.nn.backbones import build
from wsss.nn.seamnet import SeamNet


def net(backbone="tiny", classes=3):
    torch.manual_seed(0)
    return SeamNet(build(backbone), classes)


@pytest.mark.parametrize("backbone", ["tiny", "mobilenet_v2"])
def test_maps_have_the_size_of_the_image(backbone):
    cam, refined = net(backbone)(torch.randn(2, 3, 49, 70))
    assert cam.shape == refined.shape == (2, 4, 49, 70)
    assert refined.min() >= 0
    assert refined.max() <= 1


def test_taps_on_another_grid():
    n = net().eval()
    x = torch.randn(1, 3, 48, 48)
    taps = n.backbone(x)
    taps["conv4"] = torch.nn.Upsample(scale_factor=2)(taps["conv4"])
    assert n.pixel_features(x, taps).shape == (1, 192, 6, 6)


def test_official_shapes():
    with torch.device("meta"):
        n = SeamNet(build("resnet38d"), 20)
    shapes = [tuple(m.weight.shape[:2]) for m in n.from_scratch()]
    assert shapes == [(21, 4096), (64, 512), (128, 1024), (192, 195)]
    assert sum(p.numel() for p in n.parameters()) == 105_358_208
    assert len(n.state_dict()) == 232


def test_refined_maps_train_the_pixel_correlation_only():
    n = net()
    n(torch.randn(2, 3, 48, 48))[1].square().sum().backward()
    learnt = {name for name, p in n.named_parameters() if p.grad is not None and p.grad.any()}
    assert learnt == {"f8_3.weight", "f8_4.weight", "f9.weight"}


def test_maps_of_the_classifier_train_the_rest():
    n = net()
    n(torch.randn(2, 3, 48, 48))[0].square().sum().backward()
    untouched = {name for name, p in n.named_parameters() if p.requires_grad and p.grad is None}
    assert untouched == {"f8_3.weight", "f8_4.weight", "f9.weight"}


def test_logits_are_the_means_of_the_upsampled_maps():
    x, n = torch.randn(2, 3, 49, 70), net().eval()
    taps = n.backbone(x)
    logits = n.classify(n.features(taps), (49, 70))
    torch.testing.assert_close(logits, n.activate(x, taps)[0][:, 1:].mean((2, 3)))


def test_gradient_of_a_logit_is_its_class_weight():
    n = net().eval()
    features = torch.randn(1, 112, 5, 7, requires_grad=True)
    n.classify(features, (40, 50))[0, 1].backward()
    torch.testing.assert_close(features.grad.sum((2, 3))[0], n.class_weight()[1])


def test_dropout_is_for_training_only():
    x, n = torch.randn(1, 3, 32, 32), net()
    assert not torch.equal(n(x)[0], n(x)[0])
    assert torch.equal(n.eval()(x)[0], n(x)[0])


def test_autocast_yields_float32_maps():
    x, n = torch.randn(2, 3, 48, 48), net()
    with torch.autocast("cpu", torch.bfloat16):
        cam, refined = n(x)
    assert cam.dtype == refined.dtype == torch.float32
    assert refined.isfinite().all()
