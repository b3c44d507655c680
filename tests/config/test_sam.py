"""Refusals of SAM before anything runs."""

import json

import pytest
from safetensors.numpy import save

from wsss.config import sam
from wsss.config.resolve import load, runs
from wsss.errors import UserError

EMPTY = save({})
LICENCE = "SAM 3 is under Meta's SAM License, which is not open; take SAM or SAM 2"


def checked(model, **keys):
    return runs(load({"sam": {"model": str(model)}, **keys}))


def folder(path, kind, *files):
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps({"model_type": kind}))
    for name in files:
        (path / name).write_bytes(EMPTY)
    return path


@pytest.mark.parametrize("kind", ["sam", "sam2", "sam2_video"])
def test_sam_and_sam_2_are_taken(kind, tmp_path):
    assert checked(folder(tmp_path, kind, "model.safetensors"))


@pytest.mark.parametrize("name", ["facebook/sam-vit-base", "facebook/sam2.1-hiera-tiny"])
def test_names_of_the_hub_are_taken(name):
    assert checked(name)


def test_a_licence_that_is_not_open_has_to_be_accepted(tmp_path):
    own = folder(tmp_path, "sam2", "model.safetensors")
    (own / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    with pytest.raises(UserError, match=r"sam\.model: .*set accept_license: cc-by-nc-4\.0"):
        checked(own)
    assert checked(own, accept_license="cc-by-nc-4.0")


@pytest.mark.parametrize("name", ["facebook/sam3", "someone/SAM-3-large"])
def test_sam_3_is_refused_by_name(name):
    with pytest.raises(UserError, match=rf"config: sam\.model: {LICENCE}"):
        checked(name)


@pytest.mark.parametrize(
    ("kind", "files", "line"),
    [
        ("sam3", ("model.safetensors",), LICENCE),
        ("sam3_video", ("model.safetensors",), LICENCE),
        ("sam_hq", ("model.safetensors",), "a network of type sam_hq; take SAM or SAM 2"),
        ("sam", (), "has no model.safetensors"),
        ("sam", ("pytorch_model.bin",), "weights in other formats, such as .bin, are not loaded"),
    ],
)
def test_other_folders_are_refused(kind, files, line, tmp_path):
    with pytest.raises(UserError, match=line) as error:
        checked(folder(tmp_path, kind, *files))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", EMPTY[:9]])
def test_weights_that_are_cut_short_are_found_at_once(content, tmp_path):
    (folder(tmp_path, "sam2", "model.safetensors") / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"sam\.model: .*model\.safetensors: damaged") as error:
        checked(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"model_type": []}', "\xff"])
def test_a_damaged_description_is_refused(text, tmp_path):
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"sam\.model: .*config\.json") as error:
        checked(tmp_path)
    assert "\n" not in str(error.value)


def test_a_folder_without_a_network_and_a_path_that_is_none(tmp_path):
    with pytest.raises(UserError, match=r"has no config\.json; name the folder of a SAM"):
        checked(tmp_path)
    with pytest.raises(UserError, match="no such folder, and no name such as"):
        checked(tmp_path / "nothing")


def test_a_missing_folder_is_no_name_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"no such folder, and no name such as .*: \./weights/sam2"):
        checked("./weights/sam2")


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(sam, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r'sam\.model: SAM needs .* pip install "wsss\[sam\]"'):
        checked("facebook/sam-vit-base")
    assert runs(load({}))
