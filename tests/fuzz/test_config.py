"""A configuration of any content is understood, or refused with the place of the mistake."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.damage import MANY, damaged
from tests.shipped import shown
from wsss.config.files import merged
from wsss.config.merging import merge
from wsss.config.resolve import load, runs
from wsss.errors import UserError

SHIPPED = Path("config.yaml").resolve()
BASE = shown()
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3) | st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(
        ["psa", "eader", "tiny", "resnet18", "1e999", "../x", "timm/x", "psa+eader", "x" * 5000]
    ),
    st.dates(),
    st.binary(max_size=3),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


def paths(section, parents=()):
    """All paths of keys in a configuration."""
    for key, value in section.items():
        yield (*parents, key)
        if isinstance(value, dict):
            yield from paths(value, (*parents, key))


def nested(path, value):
    for key in reversed(path):
        value = {key: value}
    return value


def understood(raw):
    """Whether a configuration is one; a refusal has a line for each mistake."""
    try:
        runs(load(raw))
    except UserError as error:
        assert all(line.startswith("config: ") for line in str(error).splitlines()), error
        return False
    return True


@MANY
@given(path=st.sampled_from(list(paths(BASE))), value=VALUES)
def test_any_value_at_any_key(path, value):
    understood(merge(BASE, nested(path, value)))


@MANY
@given(own=st.sampled_from(list(paths(BASE))), value=VALUES, name=st.text(max_size=9))
def test_any_value_at_any_key_of_a_run(own, value, name):
    understood(merge(BASE, {"runs": {name: nested(own, value), "other": {}}}))


@MANY
@given(raw=st.dictionaries(st.sampled_from(list(BASE)) | SCALARS, VALUES, max_size=4))
def test_any_mapping(raw):
    understood(raw)


@MANY
@given(data=st.binary(max_size=80) | st.text(max_size=80).map(str.encode) | damaged(b"a: {b: 1}"))
def test_files_of_any_bytes(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "x.yaml"
    file.write_bytes(data)
    try:
        assert isinstance(merged([file]), dict)
    except UserError as error:
        assert "x.yaml" in str(error) and "\n" not in str(error)


@MANY
@given(data=damaged(SHIPPED.read_bytes()))
def test_a_damaged_file_of_the_project(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_bytes(data)
    try:
        raw = merged([tmp_path / "x.yaml"])
    except UserError:
        return
    understood(raw)
