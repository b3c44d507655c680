"""What every method must do, with every file in the folder and two backbones."""

import subprocess
import sys

import pytest
import torch

from wsss.config.methods import method_names
from wsss.errors import UserError
from wsss.methods import get
from wsss.nn.backbones import build
from wsss.nn.task import Clock

CLASSES = 3
CLOCK = Clock(step=0, total=20, epoch=0)


def make(name, backbone):
    torch.manual_seed(0)
    method = get(name)
    return method(build(backbone), CLASSES, method.Params())


def sample(method):
    """A batch whose classes differ in colour."""
    label = torch.eye(CLASSES)
    image = label[:, :, None, None] + 0.1 * torch.randn(CLASSES, 3, 64, 64)
    batch = {"image": image, "label": label}
    return batch | {key: torch.rand(CLASSES, 1, 64, 64) for key in method.needs}


def total(method, batch):
    losses = method(batch, CLOCK)
    return sum(loss for player in losses.values() for loss in player.values())


@pytest.fixture(params=method_names())
def name(request):
    return request.param


@pytest.fixture(params=["tiny", "mobilenet_v2"])
def method(name, request):
    return make(name, request.param).train()


def test_losses_are_finite_and_their_players_exist(method):
    losses = method(sample(method), CLOCK)
    assert losses.keys() <= method.players().keys()
    for loss in (loss for player in losses.values() for loss in player.values()):
        assert loss.shape == ()
        assert loss.isfinite()


def test_gradients_reach_the_net(method):
    total(method, sample(method)).backward()
    for key, p in method.net.named_parameters():
        assert (p.grad is not None) == p.requires_grad, key
    assert any(p.grad.abs().sum() > 0 for p in method.scratch()[0].parameters())


def test_cam_shape_and_sign(method):
    with torch.no_grad():
        cam = method.eval().cam(torch.randn(2, 3, 64, 48))
    assert cam.shape[:2] == (2, CLASSES)
    assert cam.shape[2] * 48 == cam.shape[3] * 64
    assert cam.min() >= 0


def test_cam_is_deterministic_in_evaluation(method):
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(method.eval().cam(image), method.cam(image))


def test_state_dict_round_trip(name, method, tmp_path):
    torch.save(method.state_dict(), tmp_path / "model.pt")
    torch.manual_seed(1)
    params = type(method).Params()
    other = type(method)(build(method.net.backbone.name), CLASSES, params).eval()
    other.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(method.eval().cam(image), other.cam(image))


def test_loss_falls_in_20_steps(name):
    method = make(name, "tiny").train()
    batch = sample(method)
    players = method.players().values()
    steps = [torch.optim.SGD(p.parameters(), lr=0.05, momentum=0.9) for p in players]
    before = total(method, batch).item()
    for _ in range(20):
        for step in steps:
            step.zero_grad()
        total(method, batch).backward()
        for step in steps:
            step.step()
    assert total(method, batch).item() < 0.7 * before


def test_params_are_closed_and_have_defaults(name):
    params = get(name).Params()
    assert params.model_config["extra"] == "forbid"
    assert params.model_config["frozen"]


def test_unknown_method_lists_the_known():
    with pytest.raises(UserError, match=r"unknown method 'magic'.*psa"):
        get("magic")


def test_names_need_no_torch():
    code = (
        "import sys, wsss.methods as m; assert m.method_names(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
