import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.methods.cases import VIT, sample
from wsss.errors import UserError
from wsss.losses.tokens import token_contrast, token_labels
from wsss.methods.vit import Vit, VitParams
from wsss.nn.backbones import build
from wsss.nn.task import Progress

NOW = Progress(0, 1, 0)


def vit(freeze=True, **params):
    torch.manual_seed(0)
    return Vit(build(VIT, freeze=freeze), 3, VitParams(**params))


def test_the_contrast_labels_final_tokens_by_the_auxiliary_maps():
    method, batch = vit(contrast=0.5, low=0.4, high=0.6), sample()
    losses = method(batch, NOW)["net"]
    assert losses.keys() == {"cls", "auxiliary", "contrast"}
    taps = method.net.backbone(batch["image"])
    labels = token_labels(method.net.early_maps(taps), batch["label"], 0.4, 0.6)
    torch.testing.assert_close(losses["contrast"], token_contrast(taps["conv6"], labels) / 2)


@pytest.mark.parametrize(
    ("loss", "heads"),
    [("cls", {"classifier"}), ("auxiliary", {"aux_classifier"}), ("contrast", set())],
)
def test_who_learns_from_what(loss, heads):
    method = vit()
    method(sample(), NOW)["net"][loss].backward()
    reached = {n.partition(".")[0] for n, p in method.net.named_parameters() if p.grad is not None}
    assert reached == {"backbone", *heads}


@pytest.mark.parametrize(("freeze", "contrast"), [("all", 0.2), (True, 0)])
def test_the_contrast_is_left_out_where_it_does_nothing(freeze, contrast):
    method = vit(freeze, contrast=contrast).train()
    losses = method(sample(), NOW)["net"]
    assert losses.keys() == {"cls", "auxiliary"}
    sum(losses.values()).backward()
    assert all((p.grad is None) == (freeze == "all") for p in method.net.backbone.parameters())


def test_mirrored_views_are_joined_by_their_maximum():
    views = [torch.tensor(x) for x in ([1.0, 5], [4.0, 2], [10.0, 10], [0.0, 20])]
    assert Vit.join_views(iter(views), True).tolist() == [14, 25]
    assert Vit.join_views(views[::2], False).tolist() == [11, 15]


def test_maps_are_scaled_as_published():
    maps = np.array([[[1, 3], [2, 5]], [[0, 0], [0, 1e-6]]], np.float32)
    scaled = Vit.scale_maps(maps)
    np.testing.assert_allclose(scaled[0], [[0, 2 / (4 + 1e-5)], [1 / (4 + 1e-5), 4 / (4 + 1e-5)]])
    # next to nothing stays little
    assert scaled[1].max() == pytest.approx(1e-6 / (1e-6 + 1e-5))


def test_either_classifier_gives_the_maps():
    image, classes = torch.randn(1, 3, 64, 80), torch.tensor([2, 0])
    final, early = (vit(maps=maps).eval() for maps in ("final", "auxiliary"))
    with torch.no_grad():
        taps = final.net.backbone(image)
        for method, signed in ((final, final.net.maps(taps)), (early, final.net.early_maps(taps))):
            assert torch.equal(method.cam(image), signed.relu())
            resized = torch.nn.functional.interpolate(signed, (20, 31), mode="bilinear").relu()
            torch.testing.assert_close(method.infer(image, (20, 31), classes), resized[:, classes])


def test_attention_refines_the_maps():
    image = torch.randn(2, 3, 64, 80)
    plain, refined = (vit(attention=n).eval() for n in (0, 4))
    with torch.no_grad():
        before, after = plain.cam(image), refined.cam(image)
        chosen = refined.infer(image, (4, 5), torch.tensor([1]))
    assert after.shape == before.shape and not torch.equal(after, before)
    assert after.min() >= 0 and after.max() <= 1
    # attention of random weights is even, so that rounding shows in maps scaled to [0, 1]
    torch.testing.assert_close(chosen, after[:, 1:2], atol=0.01, rtol=0)


@pytest.mark.parametrize(
    ("backbone", "params", "message"),
    [
        ("tiny", {}, "method vit needs a vision transformer, not tiny"),
        (VIT, {"block": -9}, "block -9: backbone timm/test_vit has 6 blocks"),
        (VIT, {"attention": 7}, "attention: backbone timm/test_vit has 6 blocks"),
    ],
)
def test_backbones_that_do_not_fit_are_refused(backbone, params, message):
    with pytest.raises(UserError, match=message):
        Vit(build(backbone), 2, VitParams(**params))


@pytest.mark.parametrize(
    "wrong", [{"block": 0}, {"low": 0.8}, {"high": 1.5}, {"contrast": -1}, {"maps": "both"}]
)
def test_params_are_checked(wrong):
    with pytest.raises(ValidationError):
        VitParams(**wrong)
