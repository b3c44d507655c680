"""What every method must do, with every file in the folder, combinations and two backbones."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.methods.cases import CLASSES, EARLY, LATE, VIT, make, options, sample, total
from wsss import methods
from wsss.errors import UserError
from wsss.nn.backbones import Tiny, build


@pytest.mark.parametrize("progress", [EARLY, LATE], ids=["early", "late"])
def test_losses_are_finite_and_their_players_exist(method, progress):
    losses = method(sample(), progress)
    assert losses.keys() <= method.players().keys()
    assert all(x.shape == () and x.isfinite() for part in losses.values() for x in part.values())


def test_gradients_reach_the_net(method):
    total(method(sample(), EARLY)).backward()
    net = method.players()["net"]
    reached = {key for key, p in net.named_parameters() if p.grad is not None}
    assert not {key for key in reached if not net.get_parameter(key).requires_grad}
    assert any(p.grad.abs().sum() > 0 for p in net.backbone.parameters() if p.grad is not None)


@pytest.mark.parametrize("progress", [EARLY, LATE], ids=["early", "late"])
def test_bf16_steps_have_finite_losses_and_gradients(method, progress):
    with torch.autocast("cpu", torch.bfloat16):
        losses = method(sample(), progress)
    assert total(losses).isfinite()
    total(losses).backward()
    given = [p.grad for p in method.parameters() if p.grad is not None]
    assert given
    assert all(grad.isfinite().all() for grad in given)


def test_maps_have_the_size_asked_for(method):
    with torch.no_grad():
        cam = method.eval().infer(torch.randn(2, 3, 64, 48), (20, 15), torch.arange(CLASSES))
    assert cam.shape == (2, CLASSES, 20, 15)
    assert cam.isfinite().all()


def test_normalised_maps_end_at_one(method):
    with torch.no_grad():
        (total_,) = (
            method.eval().infer(torch.randn(1, 3, 64, 48), (20, 15), torch.arange(CLASSES)).numpy()
        )
    cam = method.scale_maps(total_.copy())
    assert cam.shape == total_.shape
    assert cam.max() <= 1
    assert method.scale_maps(np.zeros((0, 4, 5), np.float32)).shape == (0, 4, 5)


def test_cam_is_deterministic_in_evaluation(method):
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(method.eval().cam(image), method.cam(image))


def test_a_checkpoint_holds_all_that_inference_needs(name, method, tmp_path):
    torch.save(method.net.state_dict(), tmp_path / "model.pt")
    torch.manual_seed(1)
    other = methods.make(name, build(method.net.backbone.name), CLASSES, options(name)).eval()
    other.net.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(method.eval().cam(image), other.cam(image))


def test_the_classification_loss_falls_in_30_steps(name):
    method = make(name).train()
    batch = sample()
    step = torch.optim.SGD(method.players()["net"].parameters(), lr=0.02, momentum=0.9)
    before = method(batch, EARLY)["net"]["cls"].item()
    for _ in range(30):
        losses = method(batch, EARLY)
        if losses["net"]["cls"].item() < 0.5 * before:
            return
        method.zero_grad()
        total(losses).backward()
        step.step()
    pytest.fail("the loss did not fall by half")


def test_logits_are_what_the_training_teaches(name):
    method, batch = make(name).train(), sample()
    step = torch.optim.SGD(method.players()["net"].parameters(), lr=0.02, momentum=0.9)
    for _ in range(30):
        with torch.no_grad():
            logits = method.eval().logits(batch["image"])
        assert logits.shape == batch["label"].shape and logits.isfinite().all()
        # the image with the label has the highest score of every class
        if torch.equal(logits.argmax(0), batch["label"].argmax(0)):
            return
        method.train().zero_grad()
        total(method(batch, EARLY)).backward()
        step.step()
    pytest.fail("no better score for the labels")


def test_params_are_closed_and_have_defaults(name):
    for params in options(name).values():
        assert params.model_config["extra"] == "forbid"
        assert params.model_config["frozen"]


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50", "vgg16", "vgg16_largefov", VIT])
def test_every_backbone_carries_every_method(name, backbone):
    kinds = {params.backbones for params in options(name).values()}
    if ("cnn" if backbone == VIT else "vit") in kinds:
        pytest.skip("needs another kind of backbone")
    method = make(name, backbone).train()
    assert total(method(sample(40), EARLY)).isfinite()


def test_a_backbone_without_the_tap_is_named(name):
    class Blunt(Tiny):
        name = "blunt"

        def __init__(self):
            super().__init__()
            self.channels = {}

    with pytest.raises(UserError, match=r"method \w+ needs the tap \w+, blunt has none"):
        methods.make(name, Blunt(), CLASSES, options(name))


def test_unknown_method_lists_the_known():
    with pytest.raises(UserError, match=r"unknown method 'magic'.*psa"):
        methods.get("magic")


def test_names_need_no_torch():
    code = (
        "import sys, wsss.methods as m; assert m.method_names(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
