"""The whole chain on micro data: what it leaves, and what it never looks at."""

import json
import shutil

import pandas as pd
import pytest

from tests.stale import HELD_OUT
from wsss.io.index import Index
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.metrics.classifier import ClassifierScores

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

EVALUATING = ("prepare_masks", "evaluate", "report")
MEASURED = ("benchmarks", "logs", "work")


def artifacts(project):
    """Everything that was made before the evaluation: path -> bytes."""
    store = project.results.parent / "store"
    paths = [path.relative_to(store) for path in store.rglob("*") if path.is_file()]
    return {
        str(path): (store / path).read_bytes()
        for path in paths
        if path.parts[0] not in EVALUATING and not set(path.parts) & set(MEASURED)
    }


@pytest.fixture(scope="module")
def blind(project, tmp_path_factory):
    """A finished run without masks, with two jobs for each split."""
    blind = type(project)(tmp_path_factory.mktemp("blind"))
    shutil.rmtree(blind.folder / "data/SegmentationClass")
    blind.snakemake(config={"jobs": 2})
    return blind


def test_neither_masks_nor_the_number_of_jobs_change_a_result(project, blind):
    """No stage reads a mask before the evaluation, and a split is the same in one job or two."""
    one, two = artifacts(project), artifacts(blind)
    shared = [path for path in one if not path.endswith(("maps.tsv", ".npz", ".lock"))]
    assert len(shared) > 15
    assert all(one[path] == two[path] for path in shared)
    for name in ("cam/train", "cam/val", "refine/train", "refine/val"):
        ours, theirs = (MapsReader([p.made(name) / "maps.tsv"]) for p in (blind, project))
        assert ours.ids == theirs.ids
        for image_id in ours.ids:
            a, b = ours.read(image_id), theirs.read(image_id)
            assert a.keys() == b.keys() and all((a[key] == b[key]).all() for key in a)


def test_without_masks_there_is_no_miou(blind):
    evaluation = json.loads(blind.made("walk/eval.val.json").read_text())
    assert evaluation["results"]["walk"]["miou"] is None
    assert evaluation["results"]["walk"]["coverage"] == 1


@pytest.mark.long
def test_a_run_without_held_out_images_ends_with_its_pseudo_labels(blind):
    listed = blind.folder / "data/ImageSets/Segmentation/val.txt"
    held_out = listed.read_text()
    listed.write_text("")
    try:
        jobs = blind.jobs({"jobs": 2})
        assert jobs.keys() == HELD_OUT and jobs["infer_cam"] == jobs["infer_segmenter"] == 1
        assert "Report: " in blind.snakemake(config={"jobs": 2})
        run = blind.results / "psa"
        assert len(list((run / "walk/train").glob("*.png"))) == 10
        assert not list((run / "segment/val").glob("*.png"))
        assert (run / "segment/model.pt").exists()
    finally:
        listed.write_text(held_out)


def test_every_stage_leaves_its_figures(project):
    summary = pd.read_csv(project.results / "summary.tsv", sep="\t")
    classifier = summary["stage"] == "classifier"
    assert summary.loc[classifier, ["map", "f1"]].map(lambda value: 0 <= value <= 1).all(axis=None)
    masks = summary[~classifier]
    assert masks["miou"].between(0, 1).all() and masks["miou_background"].between(0, 1).all()
    assert {*zip(masks["split"], masks["images"], strict=True)} == {("val", 4), ("train", 10)}
    counts = zip(summary["split"], summary["images_predicted"], strict=True)
    assert {*counts} == {("val", 4), ("train", 10)} and classifier.sum() == 2


def test_the_classifier_is_measured_on_held_out_labels(project):
    found = ClassifierScores.read(project.results / "psa/cam/classifier.val.json")
    assert (found.split, found.images) == ("val", 4)
    events = project.trained("cam/model.pt") / "work/tensorboard"
    assert all(any((events / split).iterdir()) for split in ("train", "val"))


def test_artifacts_are_complete_small_and_flat(project):
    items = Index.read(project.results / "index.train.tsv").split("train")
    run = project.results / "psa"
    ids = {item.image_id for item in items}
    assert set(LabelReader([run / "walk/train/labels.tsv"]).ids) == ids
    assert {path.stem for path in (run / "walk/train").glob("*.png")} == ids
    assert len(list((run / "segment/val").glob("*.png"))) == 4
    cams = MapsReader([run / "cam/train/maps.tsv"])
    maps = [cams.read(item.image_id) for item in items]
    full = sum(4 * m["size"].prod() * (3 * len(m["classes"]) + 2) for m in maps)
    stored = [*run.glob("cam/train/*.npz"), *run.glob("refine/train/*.npz")]
    assert 0 < sum(path.stat().st_size for path in stored) <= full / 5


def test_finished_work_is_not_redone(project):
    assert "Nothing to be done" in project.snakemake("--dry-run")


def test_the_report_stands_alone(project):
    page = (project.results / "report.html").read_text()
    assert "<script" not in page
    assert 'src="http' not in page and 'href="http' not in page


def test_snakemake_reports(project):
    project.snakemake("--report", "snakemake.html")
    assert (project.folder / "snakemake.html").stat().st_size > 100_000
