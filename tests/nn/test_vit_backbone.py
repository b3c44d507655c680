import numpy as np
import pytest
import timm
import torch
from timm.models import model_entrypoint
from timm.models.deit import VisionTransformerDistilled
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer

from tests.nn import plain_vit
from wsss.config.backbones import is_vit
from wsss.errors import UserError
from wsss.nn.backbones import TAPS, build
from wsss.nn.segmenters import build as segmenter
from wsss.nn.weights import backbone_state, load_state

SMALL = "timm/test_vit"
WIDTHS = {
    SMALL: (64, 16),
    "timm/test_vit2": (64, 16),
    "timm/vit_small_patch14_reg4_dinov2": (384, 14),
    "timm/vit_pe_spatial_tiny_patch16_512": (192, 16),
    "timm/deit_tiny_distilled_patch16_224": (192, 16),
    "timm/vit_base_patch16_siglip_224": (768, 16),
    "timm/vit_base_patch32_clip_224.openai": (768, 32),
}


def small(**options):
    torch.manual_seed(0)
    return timm.create_model("test_vit", **options)


def state_of(model):
    return {key: tensor.double().numpy() for key, tensor in model.state_dict().items()}


@pytest.fixture(scope="module")
def loaded():
    """A small transformer in timm, and as backbone."""
    model = small().eval()
    backbone = build(SMALL).eval()
    load_state(backbone, backbone_state(SMALL, model.state_dict(), "x"), "x")
    return model, backbone


@pytest.mark.parametrize("name", WIDTHS)
def test_taps_are_as_declared(name):
    with torch.device("meta"):
        backbone = build(name)
        taps = backbone(torch.empty(2, 3, 49, 70))
    width, patch = WIDTHS[name]
    assert tuple(taps) == TAPS
    for tap, x in taps.items():
        assert (backbone.channels[tap], backbone.strides[tap]) == (width, patch)
        assert x.shape == (2, width, -(-49 // patch), -(-70 // patch))


def test_names_are_those_of_the_vision_transformers_of_timm():
    kinds = {k.__name__ for k in (VisionTransformer, VisionTransformerDistilled, Eva)}
    returned = {m: model_entrypoint(m).__annotations__.get("return") for m in timm.list_models()}
    for name, kind in returned.items():
        assert is_vit(f"timm/{name}") == (getattr(kind, "__name__", kind) in kinds), name
    assert is_vit("timm/vit_small_patch16_224.dino") and not is_vit("vit_small_patch16_224")


@pytest.mark.parametrize("size", [(48, 80), (160, 160), (192, 176)])
def test_tokens_are_those_of_a_plain_transformer(loaded, size):
    model, backbone = loaded
    state = state_of(model)
    x = torch.randn(1, 3, *size)
    image = (x * backbone.scale + backbone.shift)[0].double().numpy()
    outputs = [tokens[1:] for tokens, _ in plain_vit.blocks(image, state, 16, 6, 2)]
    with torch.no_grad():
        taps = backbone(x)
    # a fifth, two fifths, ... of six blocks
    wanted = dict(zip(TAPS, (outputs[i] for i in (1, 2, 3, 4, 5)), strict=True))
    wanted["conv6"] = plain_vit.norm(wanted["conv6"], state, "norm")
    for tap, tokens in wanted.items():
        found = taps[tap][0].flatten(1).T.numpy()
        np.testing.assert_allclose(found, tokens, atol=2e-5)


def test_images_are_stretched_to_whole_patches(loaded):
    _, backbone = loaded
    x = torch.randn(1, 3, 50, 33)
    stretched = torch.nn.functional.interpolate(x, (64, 48), mode="bilinear")
    with torch.no_grad():
        assert torch.equal(backbone(x)["conv6"], backbone(stretched)["conv6"])


def test_an_image_smaller_than_a_patch_is_one_cell(loaded):
    with torch.no_grad():
        taps = loaded[1](torch.randn(1, 3, 5, 3))
    assert taps["conv6"].shape == (1, 64, 1, 1) and taps["conv6"].isfinite().all()


@pytest.mark.parametrize("resolution", [96, 224])
def test_weights_of_another_resolution_are_interpolated(resolution):
    other = small(img_size=resolution).state_dict()
    state = backbone_state(SMALL, other, "x")
    found = state.pop("encoder.pos_embed")
    wanted = plain_vit.positions(other["pos_embed"][0].double().numpy(), (10, 10))
    np.testing.assert_allclose(found[0].numpy(), wanted, atol=1e-5)
    assert all(torch.equal(tensor, other[key[8:]]) for key, tensor in state.items())


OTHERS = {
    "patch": (lambda: small(patch_size=8), r"encoder.patch_embed.proj.weight \(64, 3, 8, 8\)"),
    "depth": (lambda: small(depth=7), r"unexpected \(encoder.blocks.6.attn"),
    "width": (lambda: small(embed_dim=32), "of another shape"),
    "grid": (lambda: small(img_size=(64, 80)), "1 of another shape.*pos_embed"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_weights_are_refused(other):
    make, message = OTHERS[other]
    with pytest.raises(UserError, match=message) as error:
        backbone_state(SMALL, make().state_dict(), "x.pth")
    assert str(error.value).startswith("x.pth: not weights of timm/test_vit: ")
    assert "\n" not in str(error.value)


def test_layers_are_trained_unless_all_are_held():
    backbone = build(SMALL).train()
    assert all(p.requires_grad for p in backbone.parameters())
    sum(x.square().mean() for x in backbone(torch.randn(1, 3, 32, 32)).values()).backward()
    assert all(p.grad is not None for p in backbone.parameters())
    held = build(SMALL, freeze="all").train()
    assert not any(p.requires_grad for p in held.parameters())


def test_a_tap_of_any_block():
    backbone = build(SMALL)
    backbone.add_tap("more", -2)
    taps = backbone(torch.randn(1, 3, 32, 32))
    assert torch.equal(taps["more"], taps["conv5"])
    assert (backbone.channels["more"], backbone.strides["more"]) == (64, 16)
    with pytest.raises(UserError, match=r"block -7: backbone timm/test_vit has 6 blocks"):
        backbone.add_tap("more", -7)


@pytest.mark.parametrize(
    ("name", "stride", "message"),
    [
        (SMALL, 8, "output_stride 8: backbone timm/test_vit has patches of 16 pixels"),
        ("timm/vit_tiny_patch17", None, "timm has no such encoder; did you mean timm/vit_tiny"),
        ("timm/beit_base_patch16_224", None, "not an encoder with feature maps of strides"),
    ],
)
def test_impossible_encoder(name, stride, message):
    with torch.device("meta"), pytest.raises(UserError, match=message):
        build(name, stride)


@pytest.mark.parametrize("name", ["deeplab_v1", "deeplab_v2", "deeplab_v3", "upernet"])
def test_segmenters_run_on_it(name):
    net = segmenter(name, build(SMALL), 3).train()
    logits = net(torch.randn(2, 3, 40, 56))
    assert logits.shape == (2, 3, 40, 56)
    logits.square().mean().backward()
    assert all(p.grad is not None for p in net.from_scratch()[0].parameters())
