import argparse
import os
import pickle
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from wsss.errors import UserError
from wsss.nn.backbones import build
from wsss.nn.camnet import CamNet
from wsss.nn.pretrained import fetch_imagenet
from wsss.nn.segmenters import build as segmenter
from wsss.nn.weights import backbone_state, load_state, official_names, read_state


@pytest.fixture
def net():
    return CamNet(build("tiny"), 2)


def test_official_names_have_no_backbone_prefix(net):
    names = official_names(net)
    assert names["stem.weight"] == "backbone.stem.weight"
    assert names["fc8.weight"] == "fc8.weight"
    assert list(names.values()) == list(net.state_dict())


def test_official_names_of_a_segmenter_keep_it():
    names = official_names(segmenter("deeplab_v3plus", build("tiny"), 3, width=8))
    assert all(official == ours for official, ours in names.items())


def test_load_own_and_official_names(net):
    other = CamNet(build("tiny"), 2).state_dict()
    for state in (other, {o: other[n] for o, n in official_names(net).items()}):
        load_state(net, state, "x.pt")
        assert all(torch.equal(net.state_dict()[k], v) for k, v in other.items())


def test_load_names_every_problem_and_changes_nothing(net):
    state = CamNet(build("tiny"), 3).state_dict()
    del state["backbone.stem.weight"]
    state["fc9.bias"] = torch.zeros(1)
    before = net.fc8.weight.clone()
    with pytest.raises(UserError) as error:
        load_state(net, state, "x.pt")
    for part in ("x.pt", "1 missing (backbone.stem", "1 unexpected (fc9.bias)", "(3, 112, 1, 1)"):
        assert part in str(error.value)
    assert torch.equal(before, net.fc8.weight)


def test_load_optional_and_old_checkpoints(net):
    load_state(net, build("tiny").state_dict(), "x.pt", optional=("fc8",))
    state = build("mobilenet_v2").state_dict()
    old = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    load_state(build("mobilenet_v2"), old, "x.pt")


EADER = {"epoch": 3, "localizer_optimizer": {"state": {}}, "adversarial": None}


KEYS = ["state_dict", "model_state_dict", "model_state", "state", "model", "net", "network"]
KEYS += ["module", "weights", "params", "ema", "teacher", "weights_of_epoch_3"]
WRAPS = [
    lambda s: s,
    lambda s: EADER | {"localizer": s},
    lambda s: {"epoch": 3, "model": {"state_dict": s, "optimizer": {}}},
    lambda s: {"best": torch.tensor(0.7), "net": s, "optimizer": {"state": {0: {}}}},
    lambda s: {"model_ema": {"b": torch.ones(3)}, "model": s},
    *(lambda s, key=key: {key: s, "epoch": 3, "optimizer": {"param_groups": []}} for key in KEYS),
]


@pytest.mark.parametrize("wrap", WRAPS)
def test_read_state(tmp_path, wrap):
    torch.save(wrap({"module.a": torch.ones(2)}), tmp_path / "x.pt")
    assert read_state(tmp_path / "x.pt")["a"].tolist() == [1, 1]


PREFIXES = ["", "module.", "model.", "net.", "network.", "_orig_mod.", "_forward_module."]


@pytest.mark.parametrize("inner", PREFIXES)
@pytest.mark.parametrize("outer", PREFIXES)
def test_prefixes_of_trainings_are_left_out(tmp_path, net, outer, inner):
    state = net.state_dict()
    torch.save({f"{outer}{inner}{name}": t for name, t in state.items()}, tmp_path / "x.pt")
    assert read_state(tmp_path / "x.pt").keys() == state.keys()


def test_names_of_compiled_parts_averages_and_losses(tmp_path, net):
    state = {f"module.{n.replace('.', '._orig_mod.', 1)}": t for n, t in net.state_dict().items()}
    others = {"n_averaged": torch.tensor(3), "criterion.weight": torch.ones(2)}
    torch.save(state | others, tmp_path / "x.pt")
    assert read_state(tmp_path / "x.pt").keys() == net.state_dict().keys() | {"criterion.weight"}


def test_names_that_would_coincide_stay(tmp_path):
    state = {name: torch.ones(1) for name in ("model.a", "model.b", "a")}
    torch.save(state, tmp_path / "x.pt")
    assert read_state(tmp_path / "x.pt").keys() == state.keys()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("alien", "name"),
    [
        (argparse.Namespace(lr=1), "argparse.Namespace"),
        (Path("x"), r"pathlib\.(_local\.)?PosixPath"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (pytest.approx, "approx"),
    ],
)
def test_a_refused_class_is_named(tmp_path, zipped, alien, name):
    content = {"model": {"a": torch.ones(2)}, "args": alien}
    torch.save(content, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=rf"x\.pt: holds an object of .*{name} .*dict alone$"):
        read_state(tmp_path / "x.pt")


def test_keys_without_a_state_dict_are_shown(tmp_path):
    torch.save({"epoch": 3, "optimizer": {"lr": 1}}, tmp_path / "x.pt")
    with pytest.raises(UserError, match="no state dict; it holds epoch, optimizer"):
        read_state(tmp_path / "x.pt")


def test_first_names_of_the_file_are_shown_beside_missing_ones(net):
    state = {f"trunk.{name}": t for name, t in net.state_dict().items()}
    with pytest.raises(UserError, match=r"missing .*start with trunk\.backbone\.stem\.weight, "):
        load_state(net, state, "x.pt")
    with pytest.raises(UserError, match=r"missing .*start with trunk\.backbone\.stem\.weight, "):
        backbone_state("tiny", state, "x.pt")


def test_read_numbers_beside_the_weights(tmp_path):
    torch.save({"state_dict": {"a": torch.ones(2)}, "best_pred": np.float64(0.7)}, tmp_path / "x")
    assert read_state(tmp_path / "x")["a"].tolist() == [1, 1]


def test_read_numbers_of_an_older_numpy(tmp_path):
    torch.save(
        {"a": torch.ones(2), "best": np.float32(1)},
        tmp_path / "new",
        _use_new_zipfile_serialization=False,
    )
    data = (tmp_path / "new").read_bytes()
    assert b"numpy._core" in data
    (tmp_path / "old").write_bytes(data.replace(b"numpy._core", b"numpy.core"))
    with pytest.raises(UserError, match="'best' is not a tensor"):
        read_state(tmp_path / "old")


def test_read_safetensors(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "x.safetensors")
    assert read_state(tmp_path / "x.safetensors")["a"].tolist() == [1, 1]
    (tmp_path / "x.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"x\.safetensors: damaged"):
        read_state(tmp_path / "x.safetensors")


def test_read_irn(tmp_path):
    trunk, head = build("resnet50").state_dict(), torch.ones(20, 2048, 1, 1)
    state = {f"resnet50.{key}": t for key, t in trunk.items()}
    state |= {"stage1.0.weight": trunk["conv1.weight"], "backbone.0.0.weight": trunk["bn1.weight"]}
    torch.save(state | {"classifier.weight": head, "newly_added.0.weight": head}, tmp_path / "x")
    net = CamNet(build("resnet50"), 20)
    load_state(net, read_state(tmp_path / "x"), "x")
    assert torch.equal(net.fc8.weight, head)
    assert torch.equal(net.backbone.conv1.weight, trunk["conv1.weight"])


def test_read_mxnet(tmp_path, params_file):
    arrays = {"arg:bn7_gamma": np.ones(3, "f4"), "arg:linear1000_bias": np.ones(2, "f4")}
    (tmp_path / "x.params").write_bytes(params_file(arrays))
    assert {k: v.tolist() for k, v in read_state(tmp_path / "x.params").items()} == {
        "bn7.weight": [1, 1, 1]
    }
    (tmp_path / "x.params").write_bytes(params_file({"arg:fc1_weight": np.ones(3, "f4")}))
    with pytest.raises(UserError, match=r"x\.params: an MXNet file, but not of ResNet-38"):
        read_state(tmp_path / "x.params")


@pytest.mark.parametrize(
    "content", [b"", b"no weights", b"PK\x03\x04cut", pickle.dumps({"a": 1}, protocol=2)]
)
def test_read_damaged(tmp_path, content):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.pt"):
        read_state(tmp_path / "x.pt")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_read_truncated(tmp_path, net, zipped, share):
    torch.save(net.state_dict(), tmp_path / "x", _use_new_zipfile_serialization=zipped)
    data = (tmp_path / "x").read_bytes()
    (tmp_path / "x.pt").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UserError, match=r"x\.pt: (damaged|not a file)"):
        read_state(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [{}, [torch.ones(1)], {"a": 3}, {"state_dict": 1}])
def test_read_not_a_state(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(UserError, match=r"x\.pt.*state dict"):
        read_state(tmp_path / "x.pt")


def test_read_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "x.pt")
    with pytest.raises(UserError, match="not a regular file"):
        read_state(tmp_path / "x.pt")


def test_read_missing(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_state(tmp_path / "x.pt")


@pytest.mark.parametrize("prefix", ["", "backbone.", "net.backbone.", "encoder.", "encoder_q."])
def test_backbone_state_drops_heads(prefix):
    state = {f"{prefix}{key}": value for key, value in build("tiny").state_dict().items()}
    kept = backbone_state("tiny", state | {"fc8.weight": torch.zeros(1)}, "x.pt")
    load_state(build("tiny"), kept, "x.pt")


def test_backbone_state_of_another_network():
    with pytest.raises(UserError, match=r"x\.pt: not weights of tiny: \d+ missing"):
        backbone_state("tiny", build("mobilenet_v2").state_dict(), "x.pt")


def test_imagenet_mobilenet(imagenet_mobilenet):
    state = backbone_state("mobilenet_v2", read_state(imagenet_mobilenet), "imagenet")
    load_state(build("mobilenet_v2"), state, "imagenet")
    assert len(state) == 312


def test_unused_part_of_a_published_network(net):
    state = net.state_dict() | {"aux.0.weight": torch.zeros(1)}
    net.unused = ("aux.",)
    load_state(net, state, "x.pth")
    with pytest.raises(UserError, match=r"1 unexpected \(auy\.a\)"):
        load_state(net, state | {"auy.a": torch.zeros(1)}, "x.pth")


HEADS = {
    "resnet38d": ("fc8.weight", "fc9.weight", "bn8.weight", "gconv1.att_p.0.weight", "f8_3.weight"),
    "resnet38d+": ("f9.weight", "edge_layer.conv1.weight", "fuse_canny_edge.weight"),
    "resnet101": ("fc.weight", "fc.bias"),
    "vgg16": ("fc8.weight", "gn8_3.weight", "f8_5.weight"),
    "vgg16_largefov": ("classifier.weight", "classifier.6.bias"),
}


@pytest.mark.parametrize("name", HEADS)
def test_trunk_of_published_networks(name):
    with torch.device("meta"):
        trunk = build(name.rstrip("+")).state_dict()
        state = trunk | {head: torch.zeros(1) for head in HEADS[name]}
    assert backbone_state(name.rstrip("+"), state, "x.pth").keys() == trunk.keys()


OTHERS = [("resnet50", "resnet101", "unexpected"), ("resnet18", "resnet50", "of another shape")]
OTHERS += [("vgg16", "vgg16_largefov", "missing"), ("resnet38d", "tiny", "missing")]


@pytest.mark.parametrize(("wanted", "given", "problem"), OTHERS)
def test_trunk_of_another_architecture(wanted, given, problem):
    with torch.device("meta"):
        state = build(given).state_dict()
    with pytest.raises(UserError, match=rf"^x\.pth: not weights of {wanted}: .*\d+ {problem}"):
        backbone_state(wanted, state, "x.pth")


def test_no_imagenet_weights_for_it():
    with pytest.raises(
        UserError, match=r"'tiny'.*resnet18, resnet50, resnet101, vgg16_largefov, mobilenet_v2"
    ):
        fetch_imagenet("tiny")


def test_offline_names_the_file_to_fetch(monkeypatch):
    class Offline:
        url = "https://example.org/x.pth"

        def get_state_dict(self, **options):
            assert options["weights_only"] and options["check_hash"]
            raise URLError("offline")

    monkeypatch.setattr("torchvision.models.get_weight", lambda name: Offline())
    with pytest.raises(UserError, match=r"cannot fetch https://example.org/x.pth"):
        fetch_imagenet("resnet50")
