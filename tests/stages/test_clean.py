"""What no run uses is listed with its size, and removed only when asked to."""

import argparse
import logging
import shutil
from pathlib import Path

import pytest

from tests.plan.conftest import finish
from tests.workflow.conftest import ROOT
from wsss.config.files import merged
from wsss.config.resolve import load
from wsss.data.contents import FileContents
from wsss.errors import UserError
from wsss.plan.artifacts import Plan
from wsss.plan.links import refresh
from wsss.stages import clean
from wsss.system.locks import exclusive

WALK = {
    *("random_walk", "train_segmenter", "pack_segmenter", "infer_segmenter"),
    *("evaluate", "report"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with the shipped configuration, and another one on top."""
    monkeypatch.chdir(tmp_path)
    shutil.copy2(ROOT / "config.yaml", "config.yaml")
    Path("beta.yaml").write_text("walk: {beta: 4}\n")
    return tmp_path


def plan(*files):
    config = load(merged([Path(file) for file in files]))
    return Plan(config, FileContents(config.dataset, Path("digests.json")))


def run(caplog, *arguments):
    """Call `wsss clean`; return the lines that it wrote."""
    parser = argparse.ArgumentParser()
    clean.add_arguments(parser)
    caplog.clear()
    with caplog.at_level(logging.INFO, "wsss"):
        clean.run(parser.parse_args(arguments))
    return [record.getMessage() for record in caplog.records]


@pytest.fixture
def both():
    """The plan of config.yaml and that of beta.yaml, both carried out."""
    plans = plan(), plan("beta.yaml")
    for one in plans:
        finish(one)
    return plans


def made(plan):
    """True for every artifact of a plan that is there."""
    return {Path(artifact.path).is_file() for artifact in plan.artifacts.values()}


def test_nothing_is_listed_where_everything_is_used(caplog):
    finish(plan())
    assert run(caplog, "--yes") == ["results/store: everything is used"]
    assert made(plan()) == {True}


def test_a_folder_without_results_is_no_mistake(caplog):
    assert run(caplog, "--yes") == ["results/store: everything is used"]


def test_what_is_unused_is_listed_with_sizes_and_stays(caplog, both):
    model = both[1].artifact("segmenter", None, "psa")
    Path(model.path).write_bytes(bytes(1234))
    Path(model.folder, "history.csv").write_bytes(bytes(2000))
    lines = run(caplog)
    assert {line.split(":")[0] for line in lines if line[0] != " "} >= WALK
    assert "train_segmenter: 1, 3.23 kB" in lines and f"  {model.folder}  3.23 kB" in lines
    assert lines[-2:] == [
        "in all 3.23 kB that no run uses",
        "nothing was removed; add --yes to remove it",
    ]
    assert made(both[0]) == made(both[1]) == {True}


def test_it_is_removed_on_demand(caplog, both):
    unused = both[1].artifacts.keys() - both[0].artifacts.keys()
    Path(both[1].artifact("segmenter", None, "psa").path).write_bytes(bytes(1234))
    assert run(caplog, "--yes")[-1] == "removed 1.23 kB"
    assert made(both[0]) == {True}
    assert not any(Path(both[1].artifacts[key].folder).exists() for key in unused)
    assert run(caplog) == ["results/store: everything is used"]


def test_the_configuration_named_is_the_one_that_stays(caplog, both):
    run(caplog, "beta.yaml", "--yes")
    assert made(both[1]) == {True} and made(both[0]) == {True, False}


@pytest.mark.parametrize("results", ["results", "./results", "{here}/results"])
def test_results_of_a_configuration_to_keep_stay(caplog, folder, results):
    Path("kept.yaml").write_text(f"walk: {{beta: 4}}\nresults: {results.format(here=folder)}\n")
    plans = plan(), plan("kept.yaml")
    for one in plans:
        finish(one)
    run(caplog, "--keep", "kept.yaml", "--yes")
    assert made(plans[0]) == made(plans[1]) == {True}


def test_several_configurations_can_be_kept(caplog, both):
    Path("alpha.yaml").write_text("walk: {alpha: 3}\n")
    third = plan("alpha.yaml")
    finish(third)
    kept = ["--keep", "beta.yaml", "--keep", "alpha.yaml"]
    assert run(caplog, *kept, "--yes") == ["results/store: everything is used"]
    assert made(both[1]) == made(third) == {True}
    assert run(caplog, "--keep", "beta.yaml", "--yes")[-1] == "removed 0 B"
    assert made(both[1]) == {True} and made(third) == {True, False}


def test_nothing_of_the_user_is_touched(caplog, folder, both):
    refresh(both[0])
    (folder / "photos").mkdir()
    own = [
        folder / "photos/a.jpg",
        folder / "results/notes.txt",
        folder / "results/store/notes.txt",
        folder / "results/store/train_cam/notes.txt",
        folder / "results/store/train_cam/0123456789ab",
        folder / "results/store/train_cam/best/model.pt",
        folder / "results/store/0123456789ab/model.pt",
        Path(both[0].folder, "psa/notes.txt"),
    ]
    for path in own:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    linked = folder / "results/store/train_cam/abcdefabcdef"
    linked.symlink_to(folder / "photos")
    run(caplog, "--yes")
    assert all(path.read_text() == "mine" for path in own) and linked.is_symlink()
    assert Path(both[0].folder, "psa/cam/model.pt").exists()
    assert Path("config.yaml").exists() and Path("beta.yaml").exists()


def test_what_is_being_written_is_said_and_kept(caplog, both):
    model = Path(both[1].artifact("segmenter", None, "psa").path)
    with exclusive(model):
        lines = run(caplog, "--yes")
    assert any(str(model.parent) in line and "being written now: kept" in line for line in lines)
    assert model.exists()


def test_a_mistake_in_a_configuration_removes_nothing(caplog, both):
    Path("wrong.yaml").write_text("walk: {betta: 4}\n")
    for arguments in (["wrong.yaml"], ["--keep", "wrong.yaml"], ["--keep", "gone.yaml"]):
        with pytest.raises(UserError):
            run(caplog, *arguments, "--yes")
    assert made(both[1]) == {True}
