"""The reader of MXNet files against files that MXNet 1.9.1 wrote or read."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from wsss.nn.backbones import build
from wsss.nn.mxnet import read_params, torch_name
from wsss.nn.weights import read_state

pytestmark = pytest.mark.golden

FOLDER = Path(os.environ.get("WSSS_GOLDEN") or Path(__file__).parent)


@pytest.fixture(scope="module")
def ref(golden):
    return golden("mxnet")


@pytest.fixture(params=["tiny", "tiny_legacy", "tiny_v1"])
def path(request):
    return FOLDER / f"{request.param}.params"


def test_these_are_the_files(path, ref):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    ref.agree(f"sha256_{path.stem}", np.array(digest))


def test_arrays(path, ref):
    arrays = read_params(path)
    ref.agree("file_mx_names", np.array(list(arrays)))
    assert {f"arr:{name}" for name in arrays} == {key for key in ref if key.startswith("arr:")}
    for name, array in arrays.items():
        assert array.dtype == ref[f"arr:{name}"].dtype
        ref.agree(f"arr:{name}", array)


def test_names(path, ref):
    ours = [torch_name(name) or "" for name in read_params(path)]
    ref.agree("file_torch_names", np.array(ours))


def test_tensors_under_our_names(path, ref):
    state = read_state(path)
    pairs = dict(zip(ref["file_torch_names"], ref["file_mx_names"], strict=True))
    pairs.pop("", None)
    assert state.keys() == pairs.keys()
    for name, official in pairs.items():
        ref.agree(f"arr:{official}", state[name])


def test_full_inventory(ref):
    ref.agree("full_torch_names", np.array([torch_name(name) for name in ref["full_mx_names"]]))
    with torch.device("meta"):
        state = build("resnet38d").state_dict()
    wanted = {name for name in state if not name.endswith("num_batches_tracked")}
    assert set(ref["full_torch_names"]) == wanted
    shapes = [[*state[name].shape, 0, 0, 0][:4] for name in ref["full_torch_names"]]
    ref.agree("full_shapes", np.array(shapes))
