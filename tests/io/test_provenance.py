import json
import os

import pytest

from wsss.errors import UserError
from wsss.io import provenance
from wsss.io.provenance import code_digest, files_digest


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose stage `pkg.top` imports `pkg.deep` inside a function."""
    root = tmp_path / "pkg"
    root.mkdir()
    (root / "__init__.py").write_text("")
    (root / "top.py").write_text("def f():\n    from pkg import deep\n    return deep.x\n")
    (root / "deep.py").write_text("x = 1\n")
    (root / "other.py").write_text("y = 1\n")
    monkeypatch.setattr(provenance, "_PACKAGE", "pkg")
    monkeypatch.setattr(provenance, "_root", lambda: root)
    return root


def fresh():
    provenance._module.cache_clear()
    provenance._file.cache_clear()
    return code_digest("pkg.top")


@pytest.mark.parametrize(
    ("file", "text", "stale"),
    [
        ("deep.py", "x = 2\n", True),
        ("deep.py", '"""A docstring."""\n\nx = 1  # a comment\n', False),
        ("other.py", "y = 2\n", False),
        ("__init__.py", "__version__ = 2\n", False),
    ],
)
def test_only_code_that_is_imported_counts(package, file, text, stale):
    before = fresh()
    (package / file).write_text(text)
    assert (fresh() != before) == stale


def test_an_unknown_module_is_an_error(package):
    with pytest.raises(ModuleNotFoundError):
        code_digest("pkg.nothing")


def test_content_counts_whatever_the_date(tmp_path):
    file, cache = tmp_path / "a", tmp_path / "cache.json"
    file.write_text("one")
    before = files_digest([file], cache)
    times = file.stat()
    file.touch()
    assert files_digest([file], cache) == before
    file.write_text("two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert files_digest([file], cache) != before


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(UserError, match=r"a\.npz: cannot be read \(Is a directory\)"):
        files_digest([tmp_path / "a.npz"], tmp_path / "cache.json")


def test_a_missing_file_counts_as_absent(tmp_path):
    file, cache = tmp_path / "a", tmp_path / "cache.json"
    before = files_digest([file], cache)
    file.write_text("")
    assert files_digest([file], cache) != before


@pytest.mark.parametrize(
    "text", ["[]", "null", '{"FILE": 5}', '{"FILE": []}', '{"FILE": [[1], 2]}', "[" * 9000, "\0"]
)
def test_an_odd_cache_counts_as_empty(tmp_path, text):
    file, cache = tmp_path / "a", tmp_path / "cache.json"
    file.write_text("one")
    expected = files_digest([file], tmp_path / "other.json")
    cache.write_text(text.replace("FILE", str(file)))
    assert files_digest([file], cache) == expected
    assert files_digest([file], cache) == expected
    assert str(file) in json.loads(cache.read_text())


def test_a_folder_in_place_of_the_cache_is_left_alone(tmp_path):
    file, cache = tmp_path / "a", tmp_path / "cache.json"
    file.write_text("one")
    (cache / "inner").mkdir(parents=True)
    assert files_digest([file], cache) == files_digest([file], tmp_path / "other.json")
    assert (cache / "inner").is_dir()
