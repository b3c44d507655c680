"""Maps, weights and checkpoints of any bytes are what was written, or refused by their name."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.fuzz.damage import FEW, MANY, damaged, one_byte_changed
from wsss.engine.checkpoint import Resume, load_model, save_model
from wsss.errors import UserError
from wsss.io.maps import MapsReader, MapsWriter
from wsss.nn.mxnet import read_params
from wsss.nn.weights import read_state

MAPS = {"cam": np.linspace(0, 1, 12, dtype=np.float16).reshape(1, 3, 4), "classes": np.array([7])}


@pytest.mark.parametrize("name", ["1.npz", "1.tsv"])
@MANY
@given(draw=st.data())
def test_score_maps(tmp_path, name, draw):
    path, record = tmp_path / name, tmp_path / "1.tsv"
    with MapsWriter(record, "p") as out:
        out.put("a", **MAPS)
        out.put("b", **MAPS)
    data = path.read_bytes()
    path.write_bytes(draw.draw(one_byte_changed(data) | damaged(data)))
    try:
        reader = MapsReader([record])
        found = {image_id: reader.read(image_id) for image_id in ("a", "b")}
    except UserError as error:
        assert name in str(error)
        return
    for maps in found.values():
        assert maps.keys() == MAPS.keys()
        assert all(np.array_equal(maps[name], array) for name, array in MAPS.items())


@FEW
@given(draw=st.data())
def test_a_model(tmp_path, draw):
    path, net = tmp_path / "model.pt", nn.Linear(2, 2)
    save_model(path, net, "backbone")
    data = path.read_bytes()
    path.write_bytes(draw.draw(one_byte_changed(data) | damaged(data)))
    try:
        state = load_model(path, "backbone").state
    except UserError as error:
        assert "model.pt" in str(error)
        return
    assert all(torch.equal(state[name], tensor) for name, tensor in net.state_dict().items())


@FEW
@given(draw=st.data())
def test_an_unfinished_training(tmp_path, draw):
    resume = Resume(tmp_path, "same")
    resume.save(step=3)
    path = tmp_path / "last.ckpt"
    data = path.read_bytes()
    path.write_bytes(draw.draw(one_byte_changed(data) | damaged(data)))
    state = resume.load()
    assert state is None or state["step"] == 3


@pytest.mark.parametrize("layout", ["legacy", "v1", "v2"])
@FEW
@given(draw=st.data())
def test_arrays_of_mxnet(tmp_path, params_file, layout, draw):
    path = tmp_path / "x.params"
    arrays = {"arg:conv1a_weight": np.arange(24, dtype="f4").reshape(2, 3, 2, 2)}
    path.write_bytes(draw.draw(damaged(params_file(arrays, layout))))
    try:
        assert all(isinstance(array, np.ndarray) for array in read_params(path).values())
    except UserError as error:
        assert "x.params" in str(error)


@pytest.mark.parametrize("name", ["x.pth", "x.params", "x.safetensors"])
@FEW
@given(draw=st.data())
def test_weights_of_the_user(tmp_path, name, draw):
    path = tmp_path / name
    torch.save({"fc8.weight": torch.ones(2)}, path)
    path.write_bytes(draw.draw(damaged(path.read_bytes()) | st.binary(max_size=80)))
    try:
        assert read_state(path)
    except UserError as error:
        assert name in str(error)
