import struct

import numpy as np
import pytest

from wsss.errors import UserError
from wsss.nn.mxnet import read_params, torch_name

ARRAYS = {
    "arg:bn7_gamma": np.arange(4, dtype="f4"),
    "aux:conv1a_weight": np.arange(24, dtype="f4").reshape(2, 3, 2, 2),
}
HEAD = struct.pack("<3Q", 0x112, 0, 1)
"""The beginning of a file of one array."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.params"


@pytest.mark.parametrize("layout", ["legacy", "v1", "v2"])
def test_arrays_come_back_in_order(path, params_file, layout):
    path.write_bytes(params_file(ARRAYS, layout))
    got = read_params(path)
    assert list(got) == list(ARRAYS)
    assert all(np.array_equal(got[name], array) for name, array in ARRAYS.items())


@pytest.mark.parametrize("layout", ["legacy", "v1", "v2"])
def test_cut_off_anywhere(path, params_file, layout):
    whole = params_file(ARRAYS, layout)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"x\.params: damaged"):
            read_params(path)


def test_longer_than_it_says(path, params_file):
    path.write_bytes(params_file(ARRAYS) + b"\0")
    with pytest.raises(UserError, match="1 bytes too many"):
        read_params(path)


HUGE = 1 << 62
ALIEN = {
    "claims to hold": struct.pack("<3Q", 0x112, 0, HUGE),
    "does not begin": struct.pack("<3Q", 0x113, 0, 0),
    "cut off": HEAD + struct.pack("<2I2q3i", 0xF993FAC8, 2, HUGE, HUGE, 1, 0, 0),
    "4000000000 dimensions": HEAD + struct.pack("<I", 4_000_000_000),
    "sparse": HEAD + struct.pack("<Ii", 0xF993FAC9, 1),
    "of shape": HEAD + struct.pack("<2Iq", 0xF993FAC8, 1, -1),
    "unknown type 12": HEAD + struct.pack("<2I3i", 1, 1, 1, 0, 12),
    "no names": HEAD + struct.pack("<IQ", 0, 0),
    "not text": HEAD + struct.pack("<IQQ", 0, 1, 1) + b"\xff",
}


@pytest.mark.parametrize("reason", ALIEN)
def test_what_an_alien_file_claims_is_not_believed(path, reason):
    path.write_bytes(ALIEN[reason])
    with pytest.raises(UserError, match=rf"damaged or not an MXNet file.*{reason}"):
        read_params(path)


NAMES = {
    "arg:conv1a_weight": "conv1a.weight",
    "arg:res4b3_branch2b1_weight": "b4_3.conv_branch2b1.weight",
    "arg:res5a_branch1_weight": "b5.conv_branch1.weight",
    "arg:bn6a_branch2b2_beta": "b6.bn_branch2b2.bias",
    "aux:bn3b1_branch2a_moving_var": "b3_1.bn_branch2a.running_var",
    "bn7_moving_mean": "bn7.running_mean",
    "arg:linear1000_weight": None,
    "arg:res8a_branch1_weight": None,
    "arg:res4b3_branch2b1_gamma": None,
    "arg:bn7_weight": None,
}


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert torch_name(name) == NAMES[name]
