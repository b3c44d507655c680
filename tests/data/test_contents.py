"""Digests of folders of the user."""

import pytest

from wsss.config.dataset import Dataset
from wsss.data.contents import FileContents

PATTERNS = ("config.json", "*.safetensors")


@pytest.fixture
def digest(tmp_path):
    """The digest of a folder, looked at anew."""
    return lambda path: FileContents(Dataset(), tmp_path / "cache.json").folder(path, PATTERNS)


def test_a_split_that_is_not_named_depends_on_nothing(tmp_path):
    dataset = Dataset(source="csv", root=str(tmp_path), splits={"train": "train"})
    (tmp_path / "labels.csv").write_text("image,split,labels\na.png,train,cat")
    contents = FileContents(dataset, tmp_path / "cache.json")
    assert contents.index("val") == contents.masks("val") != contents.index("train")


def test_the_files_that_match_count_and_the_path_does_not(digest, tmp_path):
    folder = tmp_path / "sam"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text("weights")
    before = digest(str(folder))
    (folder / "README.md").write_text("a card")
    moved = str(folder.rename(tmp_path / "elsewhere"))
    assert digest(moved) == before
    (tmp_path / "elsewhere/model.safetensors").write_text("others")
    assert digest(moved) != before


def test_a_name_that_is_no_folder_is_its_own_digest(digest):
    assert digest("facebook/sam-vit-base") == "facebook/sam-vit-base"
