import pytest

from wsss.config.files import merged
from wsss.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_lie_over_the_configuration_of_the_folder(folder):
    (folder / "config.yaml").write_text("seed: 1\nbackbone: {name: tiny, freeze: false}")
    (folder / "a.yaml").write_text("dataset: {source: csv}")
    (folder / "b.yaml").write_text("seed: 2")
    backbone = {"name": "tiny", "freeze": False}
    found = merged([folder / "a.yaml", folder / "b.yaml"])
    assert found == {"seed": 2, "backbone": backbone, "dataset": {"source": "csv"}}


def test_without_files_there_are_no_keys(folder):
    assert merged([]) == {}


@pytest.mark.parametrize("text", ["{a: ", "[1, 2]", None])
def test_what_is_no_configuration_is_named(folder, text):
    if text:
        (folder / "a.yaml").write_text(text)
    with pytest.raises(UserError, match=r"^a\.yaml: (not valid YAML|holds no keys|cannot be read)"):
        merged([(folder / "a.yaml").relative_to(folder)])
