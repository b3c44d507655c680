"""ResNet-38d against `network/resnet38d.py` of PSA."""

import numpy as np
import pytest
import torch

from wsss.data.transforms import normalise
from wsss.nn.backbones import build
from wsss.nn.weights import official_names

pytestmark = pytest.mark.golden


@pytest.fixture(scope="module")
def ref(golden):
    return golden("resnet38d_features")


@pytest.fixture(scope="module")
def net(ref, fill):
    return fill(build("resnet38d"), ref["seed"], ref["gain"]).eval()


def test_state_names(net, ref):
    ref.agree("state_names", np.array(sorted(official_names(net))))


def test_recipe(net, ref):
    state = net.state_dict()
    for key in ref.starting("recipe:"):
        ref.agree(key, state[key.removeprefix("recipe:")])


@pytest.mark.parametrize("i", [0, 1])
def test_features(net, ref, i):
    ref.agree(f"input{i}", normalise(ref[f"image{i}"]).transpose(2, 0, 1))
    with torch.no_grad():
        taps = net(torch.from_numpy(ref[f"input{i}"])[None])
    for tap in ("conv4", "conv5", "conv6"):
        got = taps[tap][0]
        assert list(got.shape) == list(ref[f"{tap}_{i}_shape"])
        ref.agree(f"{tap}_{i}_sub", got[:: int(ref[f"{tap}_stride"])])
        ref.agree(f"{tap}_{i}_chanmean", got.mean((1, 2)))
        ref.agree(f"{tap}_{i}_pixmean", got.mean(0))
