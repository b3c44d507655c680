from pathlib import Path

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


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty; write keys"), (b"# nothing\n", "is empty"), (b"PK\x97", "not UTF-8")],
)
def test_an_empty_file_or_a_model_is_named(folder, content, message):
    (folder / "config.yaml").write_text("# as shipped\n")
    (folder / "a.yaml").write_bytes(content)
    with pytest.raises(UserError, match=rf"^a\.yaml: {message}"):
        merged([Path("a.yaml")])
    (folder / "a.yaml").write_text("{}")
    assert merged([Path("a.yaml")]) == {}


def refusal(folder, text):
    (folder / "a.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        merged([Path("a.yaml")])
    return str(caught.value)


@pytest.mark.parametrize(
    "text", ["b: 0\ncam: 1\ncam: {}", "x:\n  b: 0\n  'b': 1", "x: 1\ny:\n  {b: 1, b: 2}"]
)
def test_a_key_that_stands_twice_is_refused(folder, text):
    assert refusal(folder, text).startswith("a.yaml: not valid YAML (line 3: the key ")


def test_keys_that_are_merged_in_stand_beside_own_ones(folder):
    (folder / "a.yaml").write_text(
        "b: &b {k: 1}\nx: &x {<<: *b, k: 2}\ny: {<<: *x, m: 3}\nz: {<<: [*x, *b], k: 4}"
    )
    found = merged([folder / "a.yaml"])
    assert found == {"b": {"k": 1}, "x": {"k": 2}, "y": {"k": 2, "m": 3}, "z": {"k": 4}}


@pytest.mark.parametrize(
    "scalar",
    ["2024-99-01", '!!int "abc"', "!!bool maybe", "!!timestamp x", "9" * 5000, f"0x{16**99:x}"],
)
def test_a_scalar_that_is_none_is_named_with_its_line(folder, scalar):
    assert refusal(folder, f"seed:\n  {scalar}").startswith("a.yaml: not valid YAML (line 2: ")


def test_brackets_without_end_are_refused(folder):
    assert "nested too deeply" in refusal(folder, "seed: " + "[" * 5000)


def test_aliases_that_multiply_are_refused(folder):
    lists = [f"&a{n} [{', '.join(9 * [f'*a{n - 1}'])}]" for n in range(1, 9)]
    lines = "\n".join(f"- {text}" for text in ["&a0 [lol]", *lists])
    assert "more than 20 aliases" in refusal(folder, lines)
    assert "alias that contains itself" in refusal(folder, "a: &a [*a]")


def test_a_file_that_is_not_utf8_is_named(folder):
    (folder / "a.yaml").write_bytes(b"classes: [caf\xe9]")
    with pytest.raises(
        UserError, match=r"^a\.yaml: not UTF-8 .*; save configurations as UTF-8, and name targets"
    ):
        merged([Path("a.yaml")])
