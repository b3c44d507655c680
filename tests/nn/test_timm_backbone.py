import pytest
import timm
import torch

from wsss.errors import UserError
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import TAPS, build
from wsss.nn.backbones import timm as module
from wsss.nn.camnet import CamNet
from wsss.nn.pretrained import fetch_imagenet
from wsss.nn.segmenters import build as segmenter
from wsss.nn.weights import backbone_state, load_state

SMALL = "mobilenetv3_small_050"
PATCHY = "convnext_atto"
CASES = [(SMALL, 8), ("resnet18", 16), ("efficientnet_b0", 16), (PATCHY, 8), (PATCHY, 32)]


def bare(encoder, stride=None):
    with torch.device("meta"):
        return build(f"timm/{encoder}", stride)


@pytest.fixture(scope="module", params=[SMALL, PATCHY])
def backbone(request):
    return build(f"timm/{request.param}")


@pytest.mark.parametrize(("encoder", "stride"), CASES)
def test_taps_are_as_declared(encoder, stride):
    backbone = bare(encoder, stride)
    taps = backbone(torch.empty(1, 3, 49, 73, device="meta"))
    assert tuple(taps) == TAPS
    assert [backbone.strides[tap] for tap in TAPS[1:]] == [4, 8, min(16, stride), stride]
    for tap, x in taps.items():
        cells = [-(-side // backbone.strides[tap]) for side in (49, 73)]
        assert x.shape == (1, backbone.channels[tap], *cells)


def test_default_stride_and_name():
    backbone = bare("resnet18")
    assert (backbone.name, backbone.strides["conv6"]) == ("timm/resnet18", 16)


def test_finest_tap():
    assert bare("resnet18").strides["conv1"] == 2
    assert bare(PATCHY).strides["conv1"] == 4


@pytest.mark.parametrize("encoder", [SMALL, PATCHY])
def test_features_are_those_of_timm(encoder):
    backbone = build(f"timm/{encoder}", 32).eval()
    whole = timm.create_model(encoder)
    load_state(backbone, backbone_state(backbone.name, whole.state_dict(), "x"), "x")
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = whole.eval().forward_intermediates(x, intermediates_only=True)[-1]
        torch.testing.assert_close(backbone(x)["conv6"], expected)


def test_input_is_normalised_as_the_weights_expect():
    backbone = build(f"timm/{SMALL}")
    backbone.scale.fill_(2.0)
    backbone.shift.fill_(1.0)
    seen = []
    backbone.encoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    backbone(torch.full((1, 3, 32, 32), 3.0))
    assert seen[0].unique().tolist() == [7.0]


def test_normalisation_of_an_encoder():
    black = -torch.tensor([0.485, 0.456, 0.406]) / torch.tensor([0.229, 0.224, 0.225])
    backbone = build("timm/tf_efficientnet_b0.ap_in1k")
    own = black.view(3, 1, 1) * backbone.scale + backbone.shift
    torch.testing.assert_close(own, torch.full((3, 1, 1), -1.0))


def test_norms_are_held_and_the_rest_is_trained(backbone):
    norms = [m for m in backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert not any(m.training or m.weight.requires_grad for m in norms)
    held = {id(p) for norm in norms for p in norm.parameters()}
    assert all(p.requires_grad for p in backbone.parameters() if id(p) not in held)


def test_every_trained_parameter_gets_a_gradient(backbone):
    backbone(torch.randn(1, 3, 40, 40))["conv6"].square().mean().backward()
    for name, p in backbone.named_parameters():
        assert (p.grad is not None) == p.requires_grad, name


def test_networks_run_on_it(backbone):
    x = torch.randn(1, 3, 40, 40)
    assert CamNet(backbone, 2).logits(x).shape == (1, 2)
    assert AffinityNet(backbone).features(x).shape[2:] == (5, 5)
    net = segmenter("deeplab_v3plus", backbone, 3, width=8, separable=True)
    assert net(x).shape == (1, 3, 40, 40)


def test_other_weights_are_refused():
    with torch.device("meta"):
        state = timm.create_model("resnet34").state_dict()
    with pytest.raises(UserError, match=r"not weights of timm/resnet18: \d+ unexpected .*layer1.2"):
        backbone_state("timm/resnet18", state, "x.pth")


WRONG = {
    "resnet19": "timm has no such encoder; did you mean timm/resnet18",
    "resnet18.nobody": "timm has no such encoder",
    "beit_base_patch16_224": "not an encoder with feature maps of strides 4, 8, 16 and 32",
}


@pytest.mark.parametrize("encoder", WRONG)
def test_impossible_encoder(encoder):
    with pytest.raises(UserError, match=WRONG[encoder]) as error:
        bare(encoder)
    assert f"timm/{encoder}" in str(error.value) and "\n" not in str(error.value)


def test_encoders_that_cannot_be_dilated():
    assert bare("densenet121").strides["conv6"] == 32
    with pytest.raises(UserError, match=r"output_stride 16: backbone timm/densenet121 can do 32$"):
        bare("densenet121", 16)


def test_channels_last_of_swin():
    encoder = "swin_tiny_patch4_window7_224"
    backbone, whole = build(f"timm/{encoder}").eval(), timm.create_model(encoder).eval()
    load_state(backbone, backbone_state(backbone.name, whole.state_dict(), "x"), "x")
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        expected = whole.forward_intermediates(x, intermediates_only=True)
        for tap, features in zip(TAPS[1:], expected, strict=True):
            torch.testing.assert_close(backbone(x)[tap], features)
        assert backbone(x[..., :49, :73])["conv6"].shape == (1, 768, 2, 3)


def test_fetch(monkeypatch):
    whole = timm.create_model("resnet18").state_dict()
    monkeypatch.setattr(module.timm, "create_model", lambda name, pretrained: Whole(whole))
    assert fetch_imagenet("timm/resnet18").keys() == whole.keys()


class Whole:
    def __init__(self, state):
        self.state_dict = lambda: state


def test_fetch_offline(monkeypatch):
    def offline(name, pretrained):
        raise OSError("no network. Try again\nlater")

    monkeypatch.setattr(module.timm, "create_model", offline)
    with pytest.raises(UserError, match=r"weights timm/resnet18\S+ \(no network\): fetch them el"):
        fetch_imagenet("timm/resnet18")
