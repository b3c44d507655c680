"""DeepLab v3+ against `modeling` of jfzhang95/pytorch-deeplab-xception."""

import numpy as np
import pytest
import torch

from wsss.data.transforms import normalise
from wsss.nn.backbones import build as backbone
from wsss.nn.segmenters import build
from wsss.nn.weights import official_names

pytestmark = pytest.mark.golden

BACKBONES = {"v3p_resnet": "resnet101", "v3p_xception": "xception65"}
FEATURES, LOGITS = 32, 4


@pytest.fixture(scope="module")
def ref(golden):
    return golden("deeplab")


@pytest.fixture(scope="module", params=BACKBONES)
def key(request):
    return request.param


@pytest.fixture(scope="module")
def net(ref, key, fill):
    labels = len(ref[f"{key}_decoder0"])
    net = build("deeplab_v3plus", backbone(BACKBONES[key], 16), labels)
    return fill(net, ref["seed"], ref[f"{key}.gain"]).eval()


def test_state_names(net, ref, key):
    ref.agree(f"{key}_state_names", np.array(sorted(official_names(net))))


@pytest.mark.parametrize("i", [0, 1])
def test_features_and_logits(net, ref, key, i):
    image = normalise(ref[f"image{i}"]).transpose(2, 0, 1)
    x = torch.from_numpy(np.ascontiguousarray(image))[None]
    with torch.no_grad():
        taps = net.backbone(x)
        decoded = net.decoder(net.aspp(taps["conv6"]), taps["conv3"])
        logits = net(x)
    ref.agree(f"{key}_feat{i}_sub", taps["conv6"][0, ::FEATURES])
    ref.agree(f"{key}_low{i}_sub", taps["conv3"][0, ::FEATURES])
    ref.agree(f"{key}_decoder{i}", decoded[0])
    ref.agree(f"{key}_out{i}_s4", logits[0, :, ::LOGITS, ::LOGITS])
