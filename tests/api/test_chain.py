"""The chain as a function finds mistakes before it starts anything, and knows its results."""

from pathlib import Path

import pytest
import yaml

import wsss
from wsss.api import chain
from wsss.errors import UserError


@pytest.fixture(autouse=True)
def _empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"seeed": 1}, "config: seeed: no such key; did you mean seed"),
        ([{}, {"cam": {"train": {"lr": "x"}}}], r"config: cam\.train\.lr"),
        ("none.yaml", r"none\.yaml: no such file"),
        ({"dataset": {"source": "csv", "root": "none"}}, "root: none is not a folder"),
        ({"seed": object()}, "only numbers, texts, lists and dicts"),
    ],
)
def test_a_mistake_is_found_before_anything_runs(config, line, monkeypatch):
    monkeypatch.setattr(chain, "make", lambda *_: pytest.fail("started"))
    with pytest.raises(UserError, match=line):
        wsss.run(config)


def test_the_command_is_that_of_the_documentation(monkeypatch, tmp_path):
    called = []

    def call(plan, command, quiet):
        called.append((command, yaml.safe_load(Path(command[-1]).read_text())))

    monkeypatch.setattr(chain, "make", call)
    (tmp_path / "a.yaml").write_text("method: seam\n")
    found = wsss.run(["a.yaml", {"seed": 3}], cores=2)
    ((command, own),) = called
    assert command[1:3] == ["-m", "snakemake"] and command[-3:-1] == ["--configfile", "a.yaml"]
    assert command[command.index("--cores") + 1] == "2"
    assert own == {"seed": 3} and Path(command[command.index("--snakefile") + 1]).is_file()
    assert not Path(command[-1]).exists()
    assert list(found.runs) == ["seam"] and found.report.name == "report.html"
    assert found.model.name == "model.pt" and found.pseudo_labels.is_absolute()


def test_results_of_several_runs_are_named(monkeypatch):
    monkeypatch.setattr(chain, "make", lambda *_: None)
    found = wsss.run({"runs": {"a": {}, "b": {"until": "cam", "seeds": [1, 2]}}})
    assert list(found.runs) == ["a", "b.1", "b.2"]
    assert found.runs["b.1"].model is None and found.runs["b.1"].classifier.name == "model.pt"
    with pytest.raises(UserError, match=r"there are the runs a, b\.1, b\.2: name one"):
        found.model  # noqa: B018


def test_a_dry_run_says_what_would_be_made(capsys):
    wsss.run({}, dry_run=True)
    assert "artifacts would be made" in capsys.readouterr().out
