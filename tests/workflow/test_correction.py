"""The way of a mask from the queue through an annotation tool back to the segmenter."""

import re
import shutil

import numpy as np
import pytest

from tests.stale import SEGMENT
from wsss.io.labels import LabelReader
from wsss.io.queue import read_queue

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

CONFIG = ("micro.yaml", "change.yaml")
CORRECTED = {"runs": {"psa": {}, "better": {"segment": {"corrected": "corrected"}}}}
QUEUE = "results/micro/psa/review.tsv"


@pytest.fixture(scope="module")
def queued(project):
    """What the command has said about the queue."""
    project.snakemake("--dry-run")
    yield project.run("wsss", "review", *CONFIG)
    (project.folder / QUEUE).unlink()


def test_the_queue_has_all_training_images_and_says_how_good_it_is(project, queued):
    rows = read_queue(project.folder / QUEUE)
    assert {image for image, _ in rows} == set(LabelReader([rows[0][1].parent / "labels.tsv"]).ids)
    head, first, *_ = (project.folder / QUEUE).read_text().splitlines()
    assert "iou (needs masks)" in head and first.startswith("1\t")
    assert re.search(r"rank correlation of score and IoU [+-]0\.\d\d over 10 images", queued)
    assert f"wsss export labelme --queue {QUEUE} --first 50" in queued
    said = project.run("wsss", "review", *CONFIG, "--by-masks")
    assert "evaluation only" in said
    place = head.split("\t").index("iou (needs masks)")
    ious = [line.split("\t")[place] for line in (project.folder / QUEUE).read_text().splitlines()]
    assert ious[1:] == sorted(ious[1:])


@pytest.fixture
def corrected(project, queued):
    """The first three masks of the queue in the folder of corrected ones."""
    out = project.folder / "corrected"
    project.run(
        *("wsss", "export", "labelme", "--queue", QUEUE, "--first", "3", "--tolerance", "0"),
        *("--min-region", "0.001", "--out", "corrected"),
    )
    yield out
    shutil.rmtree(out)


def test_corrected_masks_rerun_the_segmenter_alone(project, corrected):
    learnt = {"read_corrected", "train_segmenter", *SEGMENT}
    assert project.stale(CORRECTED) == learnt
    assert len(list(corrected.glob("*.json"))) == 3


@pytest.mark.long
def test_the_segmenter_learns_them_and_the_figures_say_so(project, corrected):
    project.snakemake(config=CORRECTED)
    assert "replace the pseudo labels of 3 images" in project.log("segment/model.pt", "better")
    reader = LabelReader([project.made("segment/corrected/train/labels.tsv", "better")])
    for image, mask in read_queue(project.folder / QUEUE)[:3]:
        pseudo = LabelReader([mask.parent / "labels.tsv"]).read(image)
        assert np.mean(pseudo == reader.read(image)) > 0.9
    summary = (project.results / "summary.tsv").read_text()
    assert "segmenter deeplab_v3plus + corrected masks" in summary
    # another mask
    next(corrected.glob("*.json")).unlink()
    assert project.stale(CORRECTED) == {"read_corrected", "train_segmenter", *SEGMENT}
    said = project.run("wsss", "review", *CONFIG)
    assert "results/micro/better/review.tsv" in said
    # the names lead back
    project.snakemake()
