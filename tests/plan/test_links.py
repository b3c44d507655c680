"""Readable names lead to what the configuration has made, and nothing is lost."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.plan.conftest import finish
from wsss.errors import UserError
from wsss.plan import links
from wsss.plan.links import refresh, remove_dead
from wsss.plan.unused import remove, unused


def test_a_run_is_a_folder_of_relative_links(planned):
    plan = planned()
    finish(plan)
    assert refresh(plan) == []
    run = Path(plan.folder, "psa")
    for name in ("cam/model.pt", "cam/train", "walk/train", "segment/val", "walk/eval.val.json"):
        assert (run / name).exists() and not (run / name).readlink().is_absolute(), name
    described = yaml.safe_load((run / "run.yaml").read_text())
    assert described["run"] == "psa"
    assert all(Path(place).exists() for place in described["artifacts"].values())
    assert (run.parent / "report.html").resolve() == Path(plan.report.path).resolve()


def test_links_follow_the_configuration_and_go_back(planned):
    one, other = planned(), planned({"walk": {"beta": 4}})
    finish(one)
    refresh(one)
    walk = Path(one.folder, "psa/walk/train")
    before = walk.resolve()
    refresh(other)
    assert not walk.is_symlink() and before.exists()
    finish(other)
    refresh(other)
    assert walk.resolve() != before
    refresh(one)
    assert walk.resolve() == before


def test_links_of_removed_runs_go_and_other_files_stay(planned):
    one, other = planned(), planned({"runs": {"mild": {"walk": {"beta": 4}}}})
    for plan in (one, other):
        finish(plan)
        refresh(plan)
    mild = Path(one.folder, "mild")
    notes = Path(one.folder, "mine/notes.txt")
    notes.parent.mkdir()
    notes.touch()
    remove(unused(one))
    remove_dead(one)
    assert not (mild / "walk/train").is_symlink()
    # the classifier is shared with the other run
    assert (mild / "cam/model.pt").exists()
    shutil.rmtree(one.store)
    remove_dead(one)
    assert not mild.exists() and not Path(one.folder, "psa").exists() and notes.exists()


def test_what_is_not_made_yet_has_no_link(planned):
    plan = planned()
    refresh(plan)
    assert not Path(plan.folder, "psa").exists()


def test_a_copy_in_the_place_of_a_link_is_named_and_kept(planned):
    plan = planned()
    finish(plan)
    refresh(plan)
    shutil.copytree(plan.config.results, f"{plan.config.results}2")
    shutil.rmtree(plan.config.results)
    shutil.move(f"{plan.config.results}2", plan.config.results)
    with pytest.raises(UserError) as caught:
        refresh(plan)
    lines = str(caught.value).splitlines()
    assert any("psa/walk/train: not the link" in line for line in lines)
    assert all("move it away or delete it" in line for line in lines)
    assert Path(plan.folder, "psa/walk/train/labels.tsv").exists()


def test_lost_links_are_made_again(planned):
    plan = planned()
    finish(plan)
    refresh(plan)
    shutil.rmtree(Path(plan.folder))
    refresh(plan)
    assert Path(plan.folder, "psa/segment/val").exists()


def test_a_file_system_without_links_is_named_once_per_folder(planned, monkeypatch):
    def refuse(self, target, target_is_directory=False):
        raise PermissionError(1, "Operation not permitted")

    plan = planned()
    finish(plan)
    monkeypatch.setattr(Path, "symlink_to", refuse)
    lines = refresh(plan)
    assert len(lines) == 2 and all("this file system has no links" in line for line in lines)
    assert Path(plan.folder, "psa", links.DESCRIPTION).exists()


def test_an_earlier_end_of_a_run_hides_what_is_behind_it(planned):
    whole, short = planned(), planned({"until": "refine"})
    finish(whole)
    refresh(whole)
    run = Path(whole.folder, "psa")
    (run / "notes").symlink_to("/")
    refresh(short)
    assert not (run / "walk/train").is_symlink() and (run / "refine/train").exists()
    assert (run / "notes").is_symlink()
    refresh(whole)
    assert (run / "walk/train").exists()
