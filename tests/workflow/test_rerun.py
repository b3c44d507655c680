"""Unchanged work is never redone, and what another result depends on is made."""

import os
import shutil
from contextlib import contextmanager

import pytest

from tests.stale import CLASSIFIER, DATA, HELD_OUT, REPORT, WALK
from wsss.demo.scenes import CLASSES

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

CHANGES = [
    ({"seed": 1}, CLASSIFIER),
    ({"walk": {"beta": 4}}, WALK),
    ({"jobs": 5}, set()),
    ({}, set()),
]


@pytest.mark.parametrize(("change", "rules"), CHANGES, ids=[str(change) for change, _ in CHANGES])
def test_a_key_reruns_exactly_what_depends_on_it(project, change, rules):
    """Every key is tried in tests/plan/test_keys.py."""
    assert project.stale(change) == rules


CODE = [
    ("stages/random_walk.py", "X = 1\n", WALK),
    ("ops/walk.py", "X = 1\n", WALK),
    ("methods/psa.py", "X = 1\n", CLASSIFIER),
    ("stages/refine_maps.py", "# only a comment\n", set()),
    ("report/templates/page.css", "/* another style */\n", {"report"}),
    ("config/model.py", "X = 1\n", set()),
]


@pytest.mark.parametrize(("file", "text", "rules"), CODE)
def test_code_reruns_exactly_what_depends_on_it(project, file, text, rules):
    path = project.folder / "src/wsss" / file
    before = path.read_text()
    path.write_text(before + text)
    try:
        assert project.stale() == rules
    finally:
        path.write_text(before)


@contextmanager
def replaced(path, content):
    """Give a file another content under its old date, for a while."""
    before, times = path.read_bytes(), path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    try:
        yield
    finally:
        path.write_bytes(before)


FILES = [
    ("JPEGImages", "train", DATA),
    ("JPEGImages", "val", HELD_OUT),
    ("SegmentationClass", "train", {"prepare_masks", *REPORT}),
    ("SegmentationClass", "val", {"prepare_masks", *REPORT}),
]


@pytest.mark.parametrize(("folder", "split", "rules"), FILES)
def test_another_image_or_mask_under_an_old_date_is_seen(project, folder, split, rules):
    first, second = sorted((project.folder / "data" / folder).glob(f"{split}_*"))[:2]
    with replaced(first, second.read_bytes()):
        jobs = project.jobs()
    assert set(jobs) - {"gather_parts"} == rules
    assert jobs.get("prepare_data", 1) == jobs["prepare_masks"] == 1
    if rules == HELD_OUT:
        assert jobs["infer_cam"] == jobs["random_walk"] == 1
        assert jobs["evaluate"] == 4


@pytest.mark.parametrize(("split", "rules"), [("train", DATA), ("val", HELD_OUT)])
def test_another_label_counts_for_its_split(project, split, rules):
    table = project.folder / "data/labels.csv"
    head, end = table.read_text().split(f",{split},", 1)
    labels, newline, rest = end.partition("\n")
    other = "fish" if labels != "fish" else "car"
    with replaced(table, f"{head},{split},{other}{newline}{rest}".encode()):
        assert project.stale() == rules


def test_another_order_of_the_splits_in_the_table_changes_nothing(project):
    table = project.folder / "data/labels.csv"
    head, *rows = table.read_text().splitlines()
    rows.sort(key=lambda row: row.split(",")[1], reverse=True)
    with replaced(table, "\r\n".join([head, *rows, ""]).encode()):
        assert project.stale() == set()


def test_touching_everything_reruns_nothing(project):
    for path in project.folder.rglob("*"):
        if path.is_file() and ".snakemake" not in path.parts:
            path.touch()
    assert project.stale() == set()


PRODUCTS = [
    ("walk/train/labels.tsv", WALK),
    ("segment/model.pt", {"pack_segmenter", "report"}),
    ("segment/val/labels.tsv", {"infer_segmenter", *REPORT}),
]


@contextmanager
def without(*paths):
    """Take files away for a while."""
    hidden = [path.rename(path.with_name(f"hidden-{path.name}")) for path in paths]
    try:
        yield
    finally:
        for path, name in zip(paths, hidden, strict=True):
            name.rename(path)


@pytest.mark.parametrize(("name", "rules"), PRODUCTS)
def test_what_a_run_is_made_for_is_made_again(project, name, rules):
    with without(project.made(name)):
        assert project.stale() == rules


def test_what_only_the_report_shows_is_made_again_with_it(project):
    maps = project.made("cam/val")
    with without((project.results / "report.html").resolve(), maps / "maps.tsv"):
        assert "infer_cam" in project.stale()


def test_without_records_of_snakemake_what_is_there_is_right(project):
    shutil.rmtree(project.folder / ".snakemake")
    assert project.stale() == set()
    assert project.stale({"walk": {"beta": 4}}) == WALK
    table = project.folder / "data/labels.csv"
    with replaced(table, table.read_bytes().replace(b",val,car", b",val,fish", 1)):
        assert project.stale() == HELD_OUT


def test_copied_results_are_current(project, tmp_path):
    copy = type(project)(tmp_path)
    shutil.rmtree(copy.folder / "data")
    shutil.copytree(project.folder / "data", copy.folder / "data")
    shutil.copytree(project.folder / "results", copy.folder / "results", symlinks=True)
    assert copy.stale() == set()
    assert copy.stale({"walk": {"beta": 4}}) == WALK


@pytest.mark.long
def test_going_back_makes_nothing_and_names_lead_back(project):
    change = {"until": "refine", "crf": {"alphas": [3, 32]}}
    before = project.made("refine/train")
    project.snakemake(config=change)
    assert project.made("refine/train") != before
    assert not (project.results / "psa/walk/train").exists()
    project.snakemake()
    assert project.made("refine/train") == before
    assert project.made("walk/train/labels.tsv").exists()
    assert project.stale(change) == set()


def test_the_table_of_another_configuration_is_not_printed(project):
    output = project.snakemake("--until", "prepare_data", config={"seed": 1})
    assert "mIoU" not in output and "Report:" not in output
    # the names lead back
    project.snakemake()


def test_a_configuration_longer_than_a_command_line_reaches_the_stages(project):
    classes = [*CLASSES, *(f"class {number} {'x' * 700}" for number in range(200))]
    change = {"dataset": {"classes": classes}}
    project.snakemake("--until", "prepare_data", config=change)
    assert "prepare_data" not in project.stale(change)
    project.snakemake()


def test_a_dry_run_changes_no_name(project):
    names = {path: path.readlink() for path in project.results.rglob("*") if path.is_symlink()}
    project.snakemake("--dry-run", config={"walk": {"beta": 4}})
    assert {p: p.readlink() for p in project.results.rglob("*") if p.is_symlink()} == names


def test_a_copy_in_the_place_of_a_link_stops_the_workflow(project):
    link = project.results / "psa/walk/train"
    target = link.readlink()
    link.unlink()
    shutil.copytree(project.made("walk") / target, link)
    try:
        output = project.snakemake(check=False)
        assert "psa/walk/train: not the link to results/store/random_walk/" in output
        assert "Traceback" not in output and (link / "labels.tsv").exists()
    finally:
        shutil.rmtree(link)
        link.symlink_to(target)
