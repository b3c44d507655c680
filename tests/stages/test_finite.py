"""Scores that are not finite end every stage with the names of model and image, and no labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wsss import methods
from wsss.cli import main
from wsss.config.resolve import load
from wsss.config.slices import effective, slice_of
from wsss.engine.checkpoint import save_model
from wsss.errors import UserError
from wsss.io.index import Index, Item
from wsss.io.maps import MapsWriter
from wsss.io.provenance import bytes_digest
from wsss.nn import segmenters
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.ops.finite import finite
from wsss.stages.finite import finite_scores
from wsss.stages.inference import Watch

TINY = {"name": "tiny", "output_stride": None}
STAGES = {"infer_cam": "classifier", "random_walk": "affinity", "infer_segmenter": "segmenter"}
VALUES = effective(load({"method": "psa", "dataset": {"source": "demo"}}))


@pytest.fixture
def index(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    digest = bytes_digest((tmp_path / "a.png").read_bytes())
    item = Item("a", "val", tmp_path / "a.png", digest, (0,))
    Index(("cat",), (item,)).write(tmp_path / "index.tsv")
    cam = np.full((1, 10, 14), 0.5, np.float16)
    with MapsWriter(tmp_path / "maps.tsv") as maps:
        maps.put("a", classes=np.array([0]), cam=cam, size=np.array([40, 56]))
    return tmp_path


def model(path, kind, change):
    """Write a network whose weights were changed."""
    torch.manual_seed(0)
    if kind == "classifier":
        method = methods.get("psa")
        net = method(build("tiny"), 1, method.Params()).net
        meta = {"method": "psa", "params": {"psa": {}}, "classes": ["cat"]}
    elif kind == "affinity":
        net, meta = AffinityNet(build("tiny")), {"radius": 5}
    else:
        net = segmenters.build("deeplab_v3plus", build("tiny"), 2, width=8)
        meta = {"segmenter": "deeplab_v3plus", "options": {"width": 8}, "classes": ["cat"]}
    with torch.no_grad():
        change(net)
    save_model(path, net, kind, backbone=TINY, **meta)


def all_large(net):
    for weight in net.parameters():
        weight.mul_(1e30)


def hidden_by_relu(net):
    """Let the last layer give minus infinity, which a ReLU turns into 0."""
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.bias.fill_(1e3)
    (*_, last) = net.parameters()
    last.fill_(-3e38)


@pytest.mark.parametrize("change", [all_large, hidden_by_relu])
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_model_and_image(index, stage, change, capfd):
    model(index / "model.pt", STAGES[stage], change)
    out = index / f"out/{'maps' if stage == 'infer_cam' else 'labels'}.tsv"
    more = ["--cams", index / "maps.tsv"] if stage == "random_walk" else []
    arguments = ["--index", index / "index.tsv", "--split", "val", "--out", out, *more]
    option = "--affinity" if stage == "random_walk" else "--model"
    arguments += [option, index / "model.pt", "--config", slice_of(stage, VALUES)]
    assert main([stage, *map(str, arguments)]) == 2
    assert f"a.png: {index}/model.pt gives numbers" in capfd.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("more", [[], ["--crf", "2"], ["--tile", "32"]])
def test_predict_names_model_and_image(index, more, capfd):
    model(index / "model.pt", "segmenter", all_large)
    arguments = [index / "model.pt", index / "a.png", index / "out", *more]
    assert main(["predict", *map(str, arguments)]) == 2
    assert f"a.png: {index}/model.pt gives numbers" in capfd.readouterr().err
    assert not list((index / "out").glob("*.png"))


def test_onnx_names_the_model(index, capfd):
    model(index / "model.pt", "segmenter", all_large)
    arguments = ["--model", index / "model.pt", "--out", index / "model.onnx"]
    assert main(["export", "onnx", *map(str, arguments)]) == 2
    assert f"{index}/model.pt gives numbers" in capfd.readouterr().err
    assert not (index / "model.onnx").exists()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_one_number_is_enough(wrong):
    scores = np.zeros((2, 3, 3))
    assert finite(scores, "scores") is scores
    scores[1, 2, 0] = wrong
    with (
        pytest.raises(UserError, match=r"b\.png: maps\.tsv gives .* \(scores\); lower it"),
        finite_scores("b.png", Path("maps.tsv"), remedy="lower it"),
    ):
        finite(scores, "scores")


def test_layers_are_watched_within_the_first_block_alone():
    net = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.ReLU())
    net[0].weight.data.fill_(-torch.inf)
    watch = Watch(net)
    with pytest.raises(UserError, match="layer 0"), finite_scores("b.png", Path("m.pt")), watch():
        assert net(torch.ones(1, 1)) == 0
    with watch():
        assert net(torch.ones(1, 1)) == 0
    assert net(torch.ones(1, 1)) == 0 and not net[0]._forward_hooks
