"""The whole chain on micro data: what it leaves, and what it never looks at."""

import json
import shutil

import pandas as pd
import pytest

from wsss.io.index import Index
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

JUDGED = ("masks.train.tsv", "masks.val.tsv", "report.html", "summary.tsv")
MEASURED = ("benchmarks", "logs", "work")


def artifacts(project):
    """Everything that was made before the evaluation: path -> bytes."""
    paths = [path.relative_to(project.results) for path in project.results.rglob("*")]
    return {
        str(path): (project.results / path).read_bytes()
        for path in paths
        if (project.results / path).is_file()
        and path.name not in JUDGED
        and not path.name.startswith("eval.")
        and not set(path.parts) & set(MEASURED)
    }


def test_no_stage_reads_a_mask_before_the_evaluation(project, tmp_path):
    blind = type(project)(tmp_path)
    shutil.rmtree(blind.folder / "data/SegmentationClass")
    blind.snakemake()
    seeing, unseeing = artifacts(project), artifacts(blind)
    assert len(seeing) > 20
    assert seeing == unseeing
    evaluation = json.loads((blind.results / "psa/walk/eval.val.json").read_text())
    assert evaluation["results"]["walk"]["miou"] is None
    assert evaluation["results"]["walk"]["coverage"] == 1


def test_every_stage_leaves_its_figures(project):
    summary = pd.read_csv(project.results / "summary.tsv", sep="\t")
    assert summary["miou"].between(0, 1).all()
    assert {*zip(summary["split"], summary["images"], strict=True)} == {("val", 4), ("train", 10)}


def test_artifacts_are_complete_and_small(project):
    items = Index.read(project.results / "index.train.tsv").split("train")
    run = project.results / "psa"
    labels = LabelReader(sorted(run.glob("walk/train/*/labels.tsv")))
    assert set(labels.ids) == {item.image_id for item in items}
    shards = [*run.glob("cam/maps/train/*.npz"), *run.glob("crf/maps/train/*.npz")]
    cams = MapsReader(sorted(run.glob("cam/maps/train/*.npz")))
    maps = [cams.read(item.image_id) for item in items]
    full = sum(4 * m["size"].prod() * (3 * len(m["classes"]) + 2) for m in maps)
    assert sum(path.stat().st_size for path in shards) <= full / 5


def test_finished_work_is_not_redone(project):
    assert "Nothing to be done" in project.snakemake("--dry-run")


def test_the_report_stands_alone(project):
    page = (project.results / "report.html").read_text()
    assert "<script" not in page
    assert 'src="http' not in page and 'href="http' not in page


def test_snakemake_reports(project):
    project.snakemake("--report", "snakemake.html")
    assert (project.folder / "snakemake.html").stat().st_size > 100_000
