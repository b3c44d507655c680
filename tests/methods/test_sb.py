import pytest
import torch
from pydantic import ValidationError

from wsss.losses.equivariance import siamese_losses
from wsss.methods.sb import Sb, SbParams
from wsss.nn.backbones import build
from wsss.nn.task import Progress

NOW = Progress(0, 1, 0)


def sb(**params):
    torch.manual_seed(0)
    return Sb(build("tiny"), 3, SbParams(**params))


def batch(side=64):
    label = torch.eye(3)
    image = torch.randn(3, 3, side, side) + label[:, :, None, None]
    return {
        "image": image,
        "label": label,
        "boundary": torch.randint(256, (3, 4, side, side)).byte(),
    }


def test_losses_are_those_of_seam_and_two_more():
    method, given = sb().eval(), batch()
    losses = method(given, NOW)["net"]
    maps = [method.net(view) for view in method.views(given["image"])]
    for name, loss in siamese_losses(*maps, given["label"]).items():
        torch.testing.assert_close(losses.pop(name), loss)
    assert losses.keys() == {"boundary", "smoothness"}


def test_weights_of_the_losses():
    once, more = (
        sb(boundary=b, smoothness=s).eval()(batch_, NOW)["net"]
        for batch_ in [batch()]
        for b, s in [(0.01, 1), (0.05, 3)]
    )
    torch.testing.assert_close(more["boundary"], 5 * once["boundary"])
    torch.testing.assert_close(more["smoothness"], 3 * once["smoothness"])


def test_boundaries_of_absent_classes_count_nothing():
    method, given = sb().eval(), batch()
    losses = method(given, NOW)["net"]
    given["boundary"][0, 2:] = given["boundary"][1, [1, 3]] = given["boundary"][2, 1:3] = 0
    for name, loss in method(given, NOW)["net"].items():
        torch.testing.assert_close(loss, losses[name])


@pytest.mark.parametrize(
    ("loss", "learns"),
    [
        ("boundary", {"backbone", "edge_layer", "fuse_canny_edge"}),
        ("smoothness", {"backbone", "fc8"}),
    ],
)
def test_who_learns_from_what(loss, learns):
    method = sb()
    method(batch(), NOW)["net"][loss].backward()
    reached = {n.partition(".")[0] for n, p in method.net.named_parameters() if p.grad is not None}
    assert reached == learns


def test_the_background_of_the_classifier_learns_to_be_smooth():
    method = sb()
    sum(method(batch(), NOW)["net"].values()).backward()
    assert method.net.fc8.weight.grad[0].any()


def test_the_trunk_runs_once_per_view_and_maps_need_no_branch(monkeypatch):
    method, calls = sb().eval(), []
    method.net.backbone.register_forward_hook(lambda *_: calls.append("trunk"))
    method.net.edge_layer.register_forward_hook(lambda *_: calls.append("branch"))
    method(batch(), NOW)
    assert sorted(calls) == ["branch"] * 2 + ["trunk"] * 2
    calls.clear()
    method.cam(batch()["image"])
    assert calls == ["trunk"]


def test_the_branch_learns_at_the_basic_rate():
    method = sb()
    assert method.net.edge_layer not in method.from_scratch()
    assert method.net.fuse_canny_edge not in method.from_scratch()


def test_what_the_workflow_must_know():
    assert SbParams.needs == ("boundary",) and "conv1" in SbParams.taps


@pytest.mark.parametrize("wrong", [{"dropout": 1.0}, {"scale": 0}, {"boundary": -1}, {"edge": 1}])
def test_params_are_checked(wrong):
    with pytest.raises(ValidationError):
        SbParams(**wrong)
