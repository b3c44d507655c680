import argparse
import hashlib
import json
import tarfile

import pytest

from tests.data.fake_voc import MORE, make_sbd, make_tgz, make_voc
from wsss.config.resolve import load
from wsss.config.slices import slice_json
from wsss.errors import UserError
from wsss.fetch.download import Remote
from wsss.io.provenance import file_digest
from wsss.stages import fetch_data

NOWHERE = "http://127.0.0.1:9"


def run(folder, **keys):
    parser = argparse.ArgumentParser()
    fetch_data.add_arguments(parser)
    config = slice_json("fetch_data", load({"dataset": {"source": "voc", **keys}}))
    out = folder / "fetched.json"
    fetch_data.run(parser.parse_args(["--out", str(out), "--config", config]))
    return json.loads(out.read_text())


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """Small archives in the place of the official ones, fetched by hand into the folder."""
    make_voc(tmp_path / "made/VOCdevkit/VOC2012")
    make_sbd(tmp_path / "made/benchmark_RELEASE")
    (tmp_path / "data").mkdir()
    voc, sbd = tmp_path / "data/voc.tar", tmp_path / "data/benchmark.tgz"
    with tarfile.open(voc, "w") as archive:
        archive.add(tmp_path / "made/VOCdevkit", "VOCdevkit")
    make_tgz(tmp_path / "made/benchmark_RELEASE", sbd)
    for name, path in {"VOC2012": voc, "SBD": sbd}.items():
        md5 = hashlib.md5(path.read_bytes()).hexdigest()
        monkeypatch.setattr(fetch_data, name, Remote(f"{NOWHERE}/{path.name}", md5, "x"))
    return tmp_path / "data"


AUG = {"train": "train_aug", "val": "val"}


def test_voc_and_sbd_are_in_their_folders(archives):
    found = run(archives, download=True, splits=AUG)
    assert list(found) == ["VOCdevkit", "benchmark_RELEASE"]
    assert (archives / f"VOCdevkit/VOC2012/JPEGImages/{MORE[0]}.jpg").is_file()
    assert (archives / f"benchmark_RELEASE/dataset/cls/{MORE[0]}.mat").is_file()


def test_without_train_aug_no_sbd_is_fetched(archives):
    (archives / "benchmark.tgz").unlink()
    assert list(run(archives, download=True)) == ["VOCdevkit"]


def test_what_was_unpacked_needs_no_archive(archives):
    before = run(archives, download=True, splits=AUG)
    for name in ("voc.tar", "benchmark.tgz", "fetched.json"):
        (archives / name).unlink()
    assert run(archives, download=True, splits=AUG) == before


def test_an_interrupted_run_goes_on(archives):
    whole = (archives / "benchmark.tgz").read_bytes()
    (archives / "benchmark.tgz").unlink()
    with pytest.raises(UserError, match="cannot be reached"):
        run(archives, download=True, splits=AUG)
    assert not (archives / "fetched.json").exists()
    (archives / "benchmark.tgz").write_bytes(whole)
    assert len(run(archives, download=True, splits=AUG)) == 2


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def test_an_archive_of_the_user_is_unpacked(archives, tmp_path):
    own = tmp_path / "data/benchmark.tgz"
    out = tmp_path / "other"
    found = run(out, root=str(tmp_path), augment=str(own))
    assert found == {"augment": f"sha256:{file_digest(own)}"}
    assert (out / "augment/benchmark_RELEASE/dataset/cls").is_dir()


def test_a_missing_archive_names_the_key(tmp_path):
    with pytest.raises(UserError, match=r"dataset\.augment: no such file"):
        run(tmp_path, root=str(tmp_path), augment=str(tmp_path / "sbd.tgz"))


def test_an_archive_of_something_else_is_refused(tmp_path):
    make_voc(tmp_path / "voc")
    with pytest.raises(UserError, match="neither SBD"):
        run(
            tmp_path,
            root=str(tmp_path),
            augment=str(make_tgz(tmp_path / "voc", tmp_path / "x.tgz")),
        )
    assert not (tmp_path / "fetched.json").exists()
