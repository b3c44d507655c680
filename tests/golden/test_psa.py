"""The PSA classifier against `network/resnet38_cls.py` and `train_cls.py`."""

import numpy as np
import pytest
import torch

from wsss.methods import get
from wsss.nn.backbones import build
from wsss.nn.task import Clock
from wsss.nn.weights import official_names

pytestmark = pytest.mark.golden

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def ref(golden):
    return golden("psa_cam")


@pytest.fixture(scope="module")
def batch(ref):
    image = ((ref["images"] / 255 - MEAN) / STD).astype(np.float32).transpose(0, 3, 1, 2)
    return {"image": torch.from_numpy(image), "label": torch.from_numpy(ref["labels"])}


@pytest.fixture(scope="module")
def psa(ref, fill):
    method = get("psa")
    psa = method(build("resnet38d"), ref["labels"].shape[1], method.Params())
    fill(psa.net, ref["seed"], ref["resnet38_cls.gain"])
    psa.train()
    for module in psa.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.eval()
    return psa


def test_cam_and_logits(psa, batch, ref):
    with torch.no_grad():
        ref.agree("resnet38_forward_cam", psa.cam(batch["image"]))
        ref.agree("resnet38_logits", psa.net.logits(batch["image"]))


def test_trained_parameters(psa, ref):
    trained = {name for name, p in psa.net.named_parameters() if p.requires_grad}
    official = [name for name, ours in official_names(psa.net).items() if ours in trained]
    ref.agree("resnet38_requires_grad", np.array(sorted(official)))


def test_loss_and_gradients(psa, batch, ref):
    psa.zero_grad()
    loss = psa(batch, Clock(0, 1, 0))["net"]["cls"]
    loss.backward()
    ref.agree("resnet38_loss", loss.item())
    ours = official_names(psa.net)
    keys = ref.keys()
    for key in (k for k in keys if k.startswith("resnet38_gradnorm:")):
        grad = psa.net.get_parameter(ours[key.partition(":")[2]]).grad
        ref.agree(key, grad.double().norm().item())
