import pickle

import pytest
import torch
from torch import nn

from wsss.engine.checkpoint import load_model, save_model
from wsss.errors import UserError

ABOUT = {"radius": 5, "backbone": {"name": "tiny", "output_stride": None}}


def test_weights_and_description_come_back(tmp_path):
    net = nn.Linear(2, 1)
    save_model(tmp_path / "model.pt", net, "affinity", **ABOUT)
    model = load_model(tmp_path / "model.pt", "affinity")
    assert torch.equal(model.state["weight"], net.weight)
    assert model.meta["backbone"] == ABOUT["backbone"] and model.meta["radius"] == 5
    assert "version" in model.meta


def test_equal_content_gives_equal_bytes(tmp_path):
    net = nn.Linear(2, 1)
    for name in "ab":
        save_model(tmp_path / f"{name}.pt", net, "affinity", **ABOUT)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_a_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "model.pt"
    net = nn.Linear(2, 1)
    save_model(path, net, "affinity", **ABOUT)
    data = bytearray(path.read_bytes())
    data[data.index(net.weight.detach().numpy().tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match="damaged, or not a model of this package"):
        load_model(path, "affinity")


class Evil:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps({"state": {}})])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(UserError, match="not a model of this package"):
        load_model(tmp_path / "model.pt", "affinity")


def test_code_in_a_file_is_never_run(tmp_path, capsys):
    torch.save({"state": {}, "meta": Evil()}, tmp_path / "model.pt")
    with pytest.raises(UserError, match="not a model"):
        load_model(tmp_path / "model.pt", "affinity")
    assert capsys.readouterr().out == ""


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(UserError, match=r"model\.pt: no such model"):
        load_model(tmp_path / "model.pt", "affinity")


def test_a_model_of_another_kind_is_refused(tmp_path):
    save_model(tmp_path / "model.pt", nn.Linear(2, 1), "affinity", **ABOUT)
    with pytest.raises(
        UserError, match=r"model\.pt: another kind of model, affinity instead of segmenter"
    ):
        load_model(tmp_path / "model.pt", "segmenter")


def test_a_file_of_the_user_is_not_to_be_deleted(tmp_path):
    save_model(tmp_path / "net.pt", nn.Linear(2, 1), "affinity", **ABOUT)
    (tmp_path / "text.pt").write_text("text")
    for name in ("net.pt", "text.pt", "none.pt"):
        with pytest.raises(UserError, match=rf"{name}: .*; name a segmenter$"):
            load_model(tmp_path / name, "segmenter", "name a segmenter")


@pytest.mark.parametrize(
    "about",
    [
        {"radius": 5},
        {"backbone": ABOUT["backbone"]},
        ABOUT | {"radius": "5"},
        ABOUT | {"radius": -5},
        ABOUT | {"backbone": "tiny"},
        ABOUT | {"backbone": {"output_stride": 8}},
    ],
)
def test_a_description_without_what_is_needed_is_damage(tmp_path, about):
    save_model(tmp_path / "model.pt", nn.Linear(2, 1), "affinity", **about)
    with pytest.raises(UserError, match=r"model\.pt: damaged, .*; delete it and run again"):
        load_model(tmp_path / "model.pt", "affinity")


def test_weights_of_a_training_that_diverged_are_not_written(tmp_path):
    net = nn.Linear(2, 1)
    net.bias.data.fill_(torch.inf)
    with pytest.raises(UserError, match=r"model\.pt: not written, for bias .* learning rate"):
        save_model(tmp_path / "model.pt", net, "affinity", **ABOUT)
    assert list(tmp_path.iterdir()) == []
