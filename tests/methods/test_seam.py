import numpy as np
import pytest
import torch
from pydantic import ValidationError

from wsss.methods.seam import Seam, SeamParams
from wsss.nn.backbones import build
from wsss.nn.task import Progress
from wsss.ops.cam import scale_min_max_less_eps


def seam(**params):
    torch.manual_seed(0)
    return Seam(build("tiny"), 3, SeamParams(**params))


def batch(side=96):
    label = torch.eye(3)
    return {"image": torch.randn(3, 3, side, side) + label[:, :, None, None], "label": label}


@pytest.mark.parametrize(("side", "small"), [(448, 134), (96, 28), (2, 1)])
def test_second_view_is_rounded_down(side, small):
    image = torch.rand(1, 3, side, side)
    first, second = seam().views(image)
    assert first is image
    assert second.shape == (1, 3, small, small)


def test_both_views_are_classified():
    calls = []
    method = seam(scale=0.5)
    method.net.register_forward_hook(lambda _, x, __: calls.append(tuple(x[0].shape[2:])))
    losses = method(batch(), Progress(0, 1, 0))
    assert calls == [(96, 96), (48, 48)]
    assert losses["net"].keys() == {"cls", "rvmin", "er", "ecr"}


def test_training_under_autocast_is_finite():
    method = seam()
    with torch.autocast("cpu", torch.bfloat16):
        losses = method(batch(), Progress(0, 1, 0))["net"]
    sum(losses.values()).backward()
    grads = [p.grad for p in method.parameters() if p.grad is not None]
    assert all(t.isfinite().all() for t in (*losses.values(), *grads))


def test_maps_are_the_refined_ones_of_the_classes():
    method, image = seam().eval(), torch.randn(2, 3, 40, 56)
    with torch.no_grad():
        assert torch.equal(method.cam(image), method.net(image)[1][:, 1:])
        assert method.infer(image, (33, 44), torch.tensor([2])).shape == (2, 1, 33, 44)


def test_maps_are_scaled_between_minimum_and_maximum():
    total = np.random.default_rng(0).random((2, 5, 6), dtype=np.float32)
    assert np.array_equal(Seam.scale_maps(total), scale_min_max_less_eps(total))


@pytest.mark.parametrize("wrong", [{"dropout": 1.0}, {"scale": 0}, {"scale": 1.5}, {"drop": 0.5}])
def test_params_are_checked(wrong):
    with pytest.raises(ValidationError):
        SeamParams(**wrong)
