"""PSA against `resnet38_cls.py`, `vgg16_cls.py`, `train_cls.py` and `infer_cls.py`."""

from copy import deepcopy

import pytest
import torch

from tests.golden.published import (
    agree_crf,
    agree_gradients,
    batch_of,
    multi_scale,
    trained,
    without_dropout,
)
from wsss.methods import get
from wsss.nn.backbones import build
from wsss.nn.backbones.vgg import caffe_input
from wsss.nn.task import Progress
from wsss.ops.seeds import seed_labels

pytestmark = pytest.mark.golden

BACKBONES = {"resnet38": "resnet38d", "vgg16": "vgg16"}
SCALES, BACKGROUND = (1.0, 0.5, 1.5, 2.0), 0.2


@pytest.fixture(scope="module")
def ref(golden):
    return golden("psa_cam")


@pytest.fixture(scope="module")
def batch(ref):
    return batch_of(ref)


@pytest.fixture(scope="module", params=BACKBONES)
def network(request):
    return request.param


@pytest.fixture(scope="module")
def psa(network, ref, fill):
    method = get("psa")
    psa = method(build(BACKBONES[network]), ref["labels"].shape[1], method.Params())
    fill(psa.net, ref["seed"], ref[f"{network}_cls.gain"])
    return without_dropout(psa)


def test_vgg_input(batch, ref):
    ref.agree("vgg16_input", caffe_input(batch["image"]))


def test_cam_and_logits(psa, network, batch, ref):
    with torch.no_grad():
        ref.agree(f"{network}_forward_cam", psa.cam(batch["image"]))
        ref.agree(f"{network}_logits", psa.net.logits(batch["image"]))


def test_trained_parameters(psa, network, ref):
    ref.agree(f"{network}_requires_grad", trained(psa.net))


def test_loss_and_gradients(psa, network, batch, ref):
    # in 32 bits the processors' rounding differs by more than the tolerance
    exact = deepcopy(psa).double()
    doubled = {name: value.double() for name, value in batch.items()}
    loss = exact(doubled, Progress(0, 1, 0))["net"]["cls"]
    loss.backward()
    ref.agree(f"{network}_loss", loss.item())
    agree_gradients(ref, exact.net, f"{network}_gradnorm:")


@pytest.mark.parametrize("network", ["resnet38"], indirect=True)
def test_multi_scale_maps_and_crf(psa, ref):
    cam = multi_scale(psa, ref, SCALES)
    ref.agree("msf_cam", cam)
    ref.agree("msf_cam_pred", seed_labels(cam, ref["msf_keys"], BACKGROUND))
    agree_crf(ref, cam, 4, "msf_la_crf")
    agree_crf(ref, cam, 32, "msf_ha_crf")
