import pytest
import yaml

from wsss.config.dataset import Dataset
from wsss.config.resolve import load
from wsss.data.sources import read
from wsss.errors import UserError


@pytest.mark.parametrize(
    "text, kind",
    [
        ("no", "no, off and false as a truth value"),
        ("off", "as a truth value"),
        ("Yes", "yes, on and true as a truth value"),
        ("01", "as a number"),
        ("12:30", "as a number"),
        ("1.5", "as a number"),
        ("2024-01-31", "as a date"),
        ("~", "as nothing"),
    ],
)
@pytest.mark.parametrize("key", ["classes: [cat, {}]", "labels: {}"])
def test_what_yaml_reads_as_no_text_needs_quotes(key, text, kind):
    with pytest.raises(UserError, match=f"{kind}; put the text into quotes"):
        load({"dataset": yaml.safe_load(key.format(text))})


@pytest.mark.parametrize(
    "text, path",
    [
        ("boundaries: {first: {method: !!binary gA==}}", "boundaries.first.method"),
        ("dataset: {classes: [cat, !!binary gA==]}", "dataset.classes.1"),
        ("runs: {a: {until: !!binary gA==}}", "runs.a.until"),
    ],
)
def test_binary_data_are_named(text, path):
    with pytest.raises(UserError, match=f"^config: {path}: !!binary; write it as text$"):
        load(yaml.safe_load(text))


def test_a_relative_root_says_what_it_is_relative_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"relative to {tmp_path}"):
        read(Dataset(source="csv", root="nowhere"))
