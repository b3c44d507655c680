"""SEAM against `resnet38_SEAM.py`, `train_SEAM.py`, `infer_SEAM.py`, `visualization.py`."""

import pytest
import torch

from tests.golden.published import (
    agree_crf,
    agree_gradients,
    agree_views,
    batch_of,
    multi_scale,
    trained,
    without_dropout,
)
from wsss.losses.equivariance import max_onehot, min_pooling
from wsss.methods import get
from wsss.nn.backbones import build
from wsss.nn.task import Progress
from wsss.ops.cam import max_norm
from wsss.ops.correlate import refine
from wsss.ops.resize import resize_bilinear
from wsss.ops.seeds import seed_labels

pytestmark = pytest.mark.golden

SCALES, BACKGROUND = (0.5, 1.0, 1.5, 2.0), 0.26


@pytest.fixture(scope="module")
def ref(golden):
    return golden("seam")


@pytest.fixture(scope="module")
def batch(ref):
    return batch_of(ref)


@pytest.fixture(scope="module")
def seam(ref, fill):
    method = get("seam")
    seam = method(build("resnet38d"), ref["labels"].shape[1], method.Params())
    fill(seam.net, ref["seed"], ref["gain"])
    return without_dropout(seam)


@pytest.fixture(scope="module")
def maps(seam, batch):
    """Both kinds of maps of both views."""
    with torch.no_grad():
        return [seam.net(view) for view in seam.views(batch["image"])]


@pytest.fixture(scope="module")
def cam(seam, ref):
    return multi_scale(seam, ref, SCALES)


def test_maps(maps, ref):
    step = int(ref["out_stride"])
    for key, got in zip(("cam", "cam_rv"), maps[0], strict=True):
        ref.agree(key, got[..., ::step, ::step])


def test_pixel_correlation(seam, ref):
    features = torch.from_numpy(ref["pcm_f"])
    given = resize_bilinear(
        torch.from_numpy(ref["pcm_cam"]), tuple(features.shape[2:]), align_corners=True
    )
    with torch.no_grad():
        ref.agree("pcm_out", refine(given, seam.net.f9(features)))


def test_parts_of_the_losses(ref):
    ref.agree("rvmin_out", min_pooling(torch.from_numpy(ref["rvmin_in"])).item())
    ref.agree("max_norm_out", max_norm(torch.from_numpy(ref["max_norm_in"])))
    ref.agree("max_onehot_out", max_onehot(torch.from_numpy(ref["max_norm_in"])))


def test_losses_of_each_view(seam, maps, batch, ref):
    label = batch["label"]
    ref.agree("img2", seam.views(batch["image"])[1])
    for i, (cam, _) in enumerate(maps, 1):
        ref.agree(f"gap{i}", cam.mean((2, 3)))
    agree_views(ref, maps, label)


def test_loss_and_gradients(seam, batch, ref):
    seam.zero_grad()
    losses = seam(batch, Progress(0, 1, 0))["net"]
    loss = sum(losses.values())
    loss.backward()
    ref.agree("loss", loss.item())
    ref.agree("loss_cls", (losses["cls"] + losses["rvmin"]).item())
    ref.agree("loss_er", losses["er"].item())
    ref.agree("loss_ecr", losses["ecr"].item())
    agree_gradients(ref, seam.net)
    ref.agree("grad:f9.weight_sub", seam.net.f9.weight.grad[::8, ::8, 0, 0])
    ref.agree("grad:fc8.weight_sub", seam.net.fc8.weight.grad[:, ::64, 0, 0])


def test_trained_parameters(seam, ref):
    ref.agree("requires_grad", trained(seam.net))


def test_multi_scale_maps(cam, ref):
    ref.agree("msf_cam", cam)
    ref.agree("msf_cam_pred", seed_labels(cam, ref["msf_keys"], BACKGROUND))


@pytest.mark.parametrize("alpha", [4, 24])
def test_crf_of_the_maps(cam, ref, alpha):
    agree_crf(ref, cam, alpha, f"msf_crf{alpha}")
