import numpy as np
import pytest
import torch
from pydantic import ValidationError

from wsss.methods.eader import Eader, EaderParams
from wsss.methods.psa import Psa, PsaParams
from wsss.nn.backbones import build
from wsss.nn.task import Progress

LOCALIZER, ADVERSARY = Progress(0, 6620, 0), Progress(200, 6620, 0)
LABELS = torch.tensor([[1.0, 0, 0], [0, 1, 1], [1, 0, 1]])


OFFICIAL = {"localizer_steps": 200, "adversary_steps": 200}


def make(net=None, **params):
    torch.manual_seed(0)
    trunks = build("resnet18", freeze=False), build("resnet18", freeze=False)
    parts = {"adversary": trunks[1]}
    return Eader(trunks[0], 3, EaderParams(**(OFFICIAL | params)), parts, net).train()


@pytest.fixture
def batch():
    return {"image": torch.randn(3, 3, 64, 64), "label": LABELS}


def backward(losses):
    torch.stack([loss for named in losses.values() for loss in named.values()]).sum().backward()


def touched(module):
    return [name for name, p in module.named_parameters() if p.grad is not None]


def statistics(module):
    return [b.clone() for name, b in module.named_buffers() if name.endswith("running_mean")]


def test_turns_of_the_sheet():
    eader = make()
    turns = [eader.owns_step(Progress(step, 6620, step // 662)) for step in range(10 * 662)]
    assert (turns.count(False), turns.count(True)) == (3400, 3220)
    assert turns[199:201] == [False, True]


@pytest.mark.parametrize("mode", ["shared", "none"])
def test_without_adversary_every_turn_is_the_localizers(mode):
    eader = make(mode=mode)
    assert not eader.owns_step(ADVERSARY)
    assert set(eader.players()) == {"net"}
    assert eader.train_overrides() == {}
    assert eader.params.further_backbones() == {}


def test_inference_needs_no_adversary():
    eader = Eader(build("tiny"), 3, EaderParams())
    assert set(eader.players()) == {"net"}


def test_localizers_turn(batch):
    eader = make()
    losses = eader(batch, LOCALIZER)
    assert list(losses) == ["net"]
    assert set(losses["net"]) == {"cls", "am", "reg"}
    backward(losses)
    assert len(touched(eader.net)) == len(list(eader.net.parameters()))
    assert not touched(eader.adversary)


def test_adversarys_turn(batch):
    eader = make(attention="cam")
    losses = eader(batch, ADVERSARY)
    assert {name: list(part) for name, part in losses.items()} == {"adversary": ["adv"]}
    backward(losses)
    assert not touched(eader.net)
    assert len(touched(eader.adversary)) == len(list(eader.adversary.parameters()))


@pytest.mark.parametrize("progress", [LOCALIZER, ADVERSARY])
def test_statistics_of_both_follow_every_step(batch, progress):
    eader = make()
    for player in (eader.net, eader.adversary):
        before = statistics(player)
        eader(batch, progress)
        assert all((a != b).any() for a, b in zip(before, statistics(player), strict=True))


@pytest.mark.parametrize(("attention", "reached"), [("gcam", False), ("cam", True)])
def test_attention_trains_the_head_only_with_cam(batch, attention, reached):
    eader = make(attention=attention)
    losses = eader(batch, LOCALIZER)["net"]
    (losses["am"] + losses["reg"]).backward()
    assert ("fc.weight" in touched(eader.net)) == reached
    assert "fc.bias" not in touched(eader.net)
    assert "backbone.layer4.1.conv2.weight" in touched(eader.net)


@pytest.mark.parametrize(
    ("attention", "order"), [("gcam", [0, 1, 0, 2, 2]), ("cam", [0, 1, 2, 0, 2])]
)
def test_order_of_the_pairs(batch, attention, order):
    eader = make(attention=attention)
    seen = eader.attend(batch, eader.features(batch["image"]))
    assert seen.target.tolist() == order
    assert seen.maps.shape == (5, 1, 64, 64)
    assert seen.maps.amin((1, 2, 3)).tolist() == [0] * 5
    assert (batch["label"][seen.image, seen.target] == 1).all()


def test_closed_form_equals_autograd(batch):
    eader = make()
    features = eader.features(batch["image"])
    closed = eader.attend(batch, features)
    eader.net.linear = False
    derived = eader.attend(batch, features)
    assert torch.equal(closed.target, derived.target)
    assert torch.allclose(closed.maps, derived.maps, atol=1e-5)


def test_derived_weights_are_constants_and_leave_no_gradient(batch):
    eader = make()
    eader.net.linear = False
    losses = eader(batch, LOCALIZER)["net"]
    assert not touched(eader)
    (losses["am"] + losses["reg"]).backward()
    assert "fc.weight" not in touched(eader.net)


def test_weights_of_the_losses(batch):
    unit = make(alpha=1, beta=1)(batch, LOCALIZER)["net"]
    scaled = make(alpha=0.5, beta=0.25)(batch, LOCALIZER)["net"]
    assert scaled["am"].item() == pytest.approx(0.5 * unit["am"].item())
    assert scaled["reg"].item() == pytest.approx(0.25 * unit["reg"].item())
    assert set(make(beta=0)(batch, LOCALIZER)["net"]) == {"cls", "am"}
    assert set(make(mode="none")(batch, LOCALIZER)["net"]) == {"cls", "reg"}


def test_shared_weights_mine_raw_logits(batch):
    eader = make(mode="shared", alpha=1, attention="cam").eval()
    torch.nn.init.constant_(eader.net.fc.bias, -1000)
    assert eader(batch, LOCALIZER)["net"]["am"].item() == pytest.approx(-1000, rel=0.1)


def test_a_batch_without_classes_is_harmless(batch):
    eader, nothing = make(), {"image": batch["image"], "label": torch.zeros(3, 3)}
    for progress in (LOCALIZER, ADVERSARY):
        losses = eader(nothing, progress)
        backward(losses)
    assert losses["adversary"]["adv"].item() == 0
    assert all(p.grad.isfinite().all() for p in eader.parameters())
    assert all(b.isfinite().all() for b in eader.buffers())


@pytest.mark.parametrize("attention", ["gcam", "cam"])
@pytest.mark.parametrize("progress", [LOCALIZER, ADVERSARY])
def test_bfloat16(batch, attention, progress):
    eader = make(attention=attention)
    with torch.autocast("cpu", torch.bfloat16):
        losses = eader(batch, progress)
    backward(losses)
    assert all(p.grad.isfinite().all() for p in eader.parameters() if p.grad is not None)


def test_added_to_another_method(batch):
    psa = Psa(build("tiny"), 3, PsaParams())
    eader = make(net=psa.net)
    features = psa.net.features(psa.net.backbone(batch["image"]))
    assert eader.net is psa.net
    assert set(eader.addon_losses(batch, LOCALIZER, features)["net"]) == {"am", "reg"}
    assert set(eader.addon_losses(batch, ADVERSARY, features.detach())) == {"adversary"}


def test_cam_is_rectified_only_as_grad_cam(batch):
    with torch.no_grad():
        gcam, cam = (make(attention=a).eval().cam(batch["image"]) for a in ("gcam", "cam"))
    assert cam.min() < 0
    assert torch.equal(gcam, cam.clamp(min=0))


def test_normalise_stretches_each_map():
    total = np.array([[[-1, 1, 3]], [[0, 0, 0]]], np.float32)
    assert Eader.scale_maps(total).tolist() == [[[0, 0.5, 1]], [[0, 0, 0]]]
    assert Eader.scale_maps(total[:0]).shape == (0, 1, 3)


def test_recipe_of_the_adversary():
    recipe = make(adversary_lr=0.5).train_overrides()["adversary"]
    assert (recipe["lr"], recipe["momentum"], recipe["weight_decay"]) == (0.5, 0.9, 1e-4)
    assert (recipe["head_lr_factor"], recipe["poly_power"], recipe["decay_biases"]) == (1, 0, True)


@pytest.mark.parametrize("wrong", [{"alpha": -1}, {"mode": "both"}, {"adversary_steps": 0}])
def test_params_are_checked(wrong):
    with pytest.raises(ValidationError):
        EaderParams(**wrong)
