import numpy as np
import pytest
import torch

from tests.nn import plain_vit
from wsss.errors import UserError
from wsss.nn.backbones import build
from wsss.nn.vitnet import VitNet
from wsss.nn.weights import load_state


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return VitNet(build("timm/test_vit"), 3, -3).eval()


@pytest.fixture(scope="module")
def plain(net):
    """An image, and what a plain transformer computes for it."""
    image = torch.randn(1, 3, 48, 64)
    backbone = net.backbone
    state = {k: t.double().numpy() for k, t in backbone.encoder.state_dict().items()}
    own = (image * backbone.scale + backbone.shift)[0].double().numpy()
    outputs = [*plain_vit.blocks(own, state, 16, 6, 2)]
    final = plain_vit.norm(outputs[-1][0], state, "norm")[1:]
    return image, final, outputs[-3][0][1:], [weights for _, weights in outputs]


def test_both_heads_are_those_of_a_plain_network(net, plain):
    image, final, early, _ = plain
    with torch.no_grad():
        taps = net.backbone(image)
        found = net.logits(image), net.classify_early(taps), net.maps(taps), net.early_maps(taps)
    heads = [c.weight.double().detach().numpy()[..., 0, 0] for c in net.from_scratch()]
    for i, tokens in enumerate((final, early)):
        np.testing.assert_allclose(found[i][0], heads[i] @ tokens.max(0), atol=1e-5)
        maps = (heads[i] @ tokens.T).reshape(3, 3, 4)
        np.testing.assert_allclose(found[i + 2][0], maps, atol=1e-5)


@pytest.mark.parametrize("blocks", [1, 4, 6])
def test_attention_is_the_mean_over_heads_and_last_blocks(net, plain, blocks):
    image, *_, weights = plain
    with torch.no_grad():
        taps, attended = net.backbone(image), net.backbone.attend(image, blocks)
    wanted = np.mean([w.mean(0)[1:, 1:] for w in weights[-blocks:]], 0)
    np.testing.assert_allclose(attended["attention"][0], wanted, atol=1e-6)
    torch.testing.assert_close(attended["conv6"], taps["conv6"])
    assert all(block.attn.fused_attn for block in net.backbone.encoder.blocks)


def test_attention_of_transformers_with_rotary_positions():
    backbone = build("timm/vit_pe_spatial_tiny_patch16_512").eval()
    with torch.no_grad():
        attention = backbone.attend(torch.randn(1, 3, 32, 48), 2)["attention"]
    # the class token gets the rest
    assert attention.shape == (1, 6, 6) and (attention.sum(2) < 1).all() and (attention > 0).all()


def test_a_published_network_loads(net):
    heads = {"decoder.conv1.weight": 1, "proj_head.mlp.0.bias": 1, "encoder.head.weight": 1}
    state = {k.removeprefix("backbone."): t for k, t in net.state_dict().items()}
    assert {"encoder.cls_token", "classifier.weight", "aux_classifier.weight"} <= state.keys()
    other = VitNet(build("timm/test_vit"), 3, -3)
    load_state(other, state | {k: torch.zeros(n) for k, n in heads.items()}, "x")
    assert all(torch.equal(t, net.state_dict()[k]) for k, t in other.state_dict().items())


def test_another_number_of_classes_is_refused(net):
    with pytest.raises(UserError, match=r"2 of another shape \(aux_classifier.*\(3, 64, 1, 1\)"):
        load_state(VitNet(build("timm/test_vit"), 4, -3), net.state_dict(), "x.pth")


def test_a_block_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="block -7: backbone timm/test_vit has 6 blocks"):
        VitNet(build("timm/test_vit"), 2, -7)
