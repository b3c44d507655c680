"""Paths in the configuration: ~ is the home folder, and results can be written."""

from pathlib import Path

import pytest

from wsss.config.resolve import load
from wsss.errors import UserError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


KEYS = [
    ("results",),
    ("dataset", "root"),
    ("dataset", "labels"),
    ("dataset", "augment"),
    ("dataset", "tiles", "labels"),
    ("backbone", "weights"),
    ("cam", "checkpoint"),
    ("boundaries", "folder"),
    ("segment", "checkpoint"),
    ("segment", "backbone", "weights"),
]


@pytest.mark.parametrize("key", KEYS, ids=".".join)
def test_the_home_folder_is_expanded_in_every_path(home, key):
    raw = {"dataset": {"source": "voc", "root": "."}, "segment": {"train": {"init": "backbone"}}}
    section = raw
    for name in key[:-1]:
        section = section.setdefault(name, {})
    section[key[-1]] = "~/mine"
    value = load(raw)
    for name in key:
        value = getattr(value, name)
    assert value == f"{home}/mine"


WRONG = ["a<b>", "<results>", "{x}", " ", "", "-x", "/dev/null", "a\nb", "~nobody-of-this-name/x"]


@pytest.mark.parametrize("folder", WRONG)
def test_a_folder_that_cannot_hold_results_is_an_error(folder):
    with pytest.raises(UserError, match="config: results: ") as error:
        load({"results": folder})
    assert "\n" not in str(error.value)


def test_a_file_in_the_place_of_the_results_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file, no folder"):
        load({"results": str(tmp_path / "file/results")})


@pytest.mark.parametrize("folder", ["results", "my results", "../r", "/tmp/x y", "a'b", "ü", "./~"])
def test_other_folders_are_taken(folder):
    assert Path(load({"results": folder}).results) == Path(folder)
