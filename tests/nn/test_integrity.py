import hashlib

import pytest
import torch
from torch import hub

from wsss.errors import UserError
from wsss.nn.integrity import check_download, not_finite
from wsss.nn.pretrained import fetch_imagenet
from wsss.nn.weights import read_state


def test_the_first_tensor_that_is_not_finite_is_named():
    state = {"count": torch.tensor(3), "a": torch.zeros(2), "b": torch.tensor([0.0, torch.nan])}
    assert not_finite(state) == "b"
    assert not_finite({"count": torch.tensor(3), "a": torch.zeros(0)}) == ""


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(torch.inf, torch.float32), (torch.nan, torch.float16), (1e300, torch.float64)],
)
def test_what_single_precision_cannot_hold_is_not_finite(value, dtype):
    assert not_finite({"a": torch.tensor([value], dtype=dtype)}) == "a"


@pytest.mark.parametrize("content", [b"weights", b"weighty"])
def test_an_earlier_download_is_compared_with_its_name(tmp_path, monkeypatch, content):
    monkeypatch.setattr(hub, "get_dir", lambda: str(tmp_path))
    name = f"net-{hashlib.sha256(b'weights').hexdigest()[:8]}.pth"
    check_download(f"https://example.org/{name}")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / name).write_bytes(content)
    if content == b"weights":
        check_download(f"https://example.org/{name}")
        return
    with pytest.raises(UserError, match=rf"{name}: does not match the hash in its name; delete"):
        check_download(f"https://example.org/{name}")


def test_read_flipped_bit_of_an_archive(tmp_path):
    weight = torch.arange(7.0)
    torch.save({"a": weight}, tmp_path / "x.pth")
    data = bytearray((tmp_path / "x.pth").read_bytes())
    data[data.index(weight.numpy().tobytes())] ^= 1
    (tmp_path / "x.pth").write_bytes(data)
    with pytest.raises(UserError, match=r"x\.pth: damaged .* does not match its checksum"):
        read_state(tmp_path / "x.pth")


@pytest.mark.parametrize("value", [torch.nan, -torch.inf])
def test_read_numbers_that_are_not_finite(tmp_path, value):
    torch.save({"a": torch.ones(2), "b": torch.tensor([0, value])}, tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"x\.pth: b in it is not finite; get the file again"):
        read_state(tmp_path / "x.pth")


def test_a_damaged_download_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/resnet18-f37072fd.pth").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"resnet18-f37072fd\.pth: does not match the hash"):
        fetch_imagenet("resnet18")
