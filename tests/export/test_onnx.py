import json

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from wsss.data.transforms import normalise
from wsss.errors import UserError
from wsss.export import onnx
from wsss.nn import segmenters
from wsss.nn.backbones import build
from wsss.ops.finite import NotFiniteError

FACTS = {"segmenter": "x", "backbone": "y"}


def network(segmenter, backbone, labels=4):
    torch.manual_seed(0)
    return segmenters.build(segmenter, build(backbone), labels).eval().requires_grad_(False)


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    net = network("deeplab_v3plus", "tiny")
    onnx.write(net, ("cat", "dog", "cow"), path, FACTS)
    return net, session(path)


@pytest.mark.parametrize("size", [(1, 40, 56), (3, 97, 65), (2, 32, 33)])
def test_images_give_the_logits_of_the_network(written, size):
    net, model = written
    photos = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    wanted = net(torch.from_numpy(np.stack([normalise(p) for p in photos]).transpose(0, 3, 1, 2)))
    (logits,) = model.run(None, {"image": photos.transpose(0, 3, 1, 2).astype(np.float32)})
    assert logits.shape == (size[0], 4, *size[1:])
    np.testing.assert_allclose(logits, wanted, atol=1e-4)


def test_metadata_describe_the_model(written):
    _, model = written
    facts = model.get_modelmeta().custom_metadata_map
    assert json.loads(facts["labels"]) == ["background", "cat", "dog", "cow"]
    assert 0 < float(facts["max_difference"]) < onnx.TOLERANCE
    assert FACTS.items() <= facts.items()
    assert model.get_inputs()[0].shape == ["batch", 3, "height", "width"]


CASES = [*((name, "tiny") for name in segmenters.NAMES), ("deeplab_v3plus", "timm/resnet18")]


@pytest.mark.parametrize(("name", "backbone"), CASES)
def test_every_segmenter_can_be_written(tmp_path, name, backbone, caplog):
    with caplog.at_level("INFO", "wsss"):
        onnx.write(network(name, backbone, 2), ("cat",), tmp_path / "model.onnx", FACTS)
    assert session(tmp_path / "model.onnx") and "differ by at most" in caplog.text


def test_mobilenet_can_be_written(tmp_path):
    net = network("deeplab_v3plus", "mobilenet_v2", 2)
    onnx.write(net, ("cat",), tmp_path / "model.onnx", FACTS)
    assert (tmp_path / "model.onnx").stat().st_size > 1e6


class Frozen(nn.Module):
    """Takes the height of the traced image for a constant, as careless code does."""

    def forward(self, x):
        return x * (x.shape[2] + torch.tensor(float(int(x.shape[2]))))


class Lost(nn.Module):
    def forward(self, x):
        return x / 0 - x / 0


@pytest.mark.parametrize(("net", "error"), [(Frozen(), UserError), (Lost(), NotFiniteError)])
def test_a_model_that_disagrees_is_not_written(tmp_path, net, error):
    with pytest.raises(error, match=r"ONNX and PyTorch differ by|logits"):
        onnx.write(net, ("cat",), tmp_path / "new/model.onnx", FACTS)
    assert not list(tmp_path.iterdir())


class Alien(nn.Module):
    """Has an operation that ONNX lacks."""

    def forward(self, x):
        return torch.linalg.eigvals(x @ x.transpose(2, 3)).real


def test_an_operation_that_onnx_lacks_is_named(tmp_path, capfd):
    with pytest.raises(UserError, match="ONNX cannot represent this network"):
        onnx.write(Alien(), ("cat",), tmp_path / "model.onnx", FACTS)
    assert not list(tmp_path.iterdir())
    assert not capfd.readouterr().out


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        onnx.write(Frozen(), ("cat",), tmp_path, FACTS)
