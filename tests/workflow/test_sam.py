"""A small SAM in the chain on micro data: the segmenter learns from the corrected labels."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.sams import save_sam
from tests.stale import TRAIN_SEGMENTER
from wsss.engine.checkpoint import load_model
from wsss.io.index import Index
from wsss.io.labels import LabelReader
from wsss.nn.licences import GIVEN

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.xdist_group("workflow"),
]

SHIPPED = Path(__file__).parents[2] / "configs/sam.yaml"


def test_sam_corrects_the_labels_that_the_segmenter_learns(project):
    config = yaml.safe_load(SHIPPED.read_text())
    folder = project.folder / config["sam"]["model"]
    save_sam(folder, "sam2")
    assert project.stale(config) == {"sam_labels", *TRAIN_SEGMENTER}
    project.snakemake(config=config)
    before, after = (
        LabelReader([project.made(f"walk/{name}labels.tsv")]) for name in ("train/", "sam/train/")
    )
    for item in Index.read(project.results / "index.train.tsv").split("train"):
        walked, merged = before.read(item.image_id), after.read(item.image_id)
        assert set(np.unique(merged)) <= set(np.unique(walked))
        assert (merged[walked > 0] > 0).all()
    assert before.digest != after.digest
    (result,) = json.loads(project.made("walk/sam/eval.val.json").read_text())["results"].values()
    assert 0 < result["miou"] < 1
    # its licence is kept by the network that learns from it
    (kept,) = load_model(project.made("segment/model.pt"), "segmenter").meta["weights"]
    assert (kept["backbone"], kept["source"], kept["licence"]) == ("Sam2Model", "sam2", GIVEN)
    assert "Labels with SAM" in (project.results / "report.html").read_text()
    # the content of the folder counts, and its name does not
    assert not project.stale(config)
    moved = folder.rename(project.folder / "elsewhere")
    assert project.stale({"sam": {"model": "elsewhere"}}) == {"report"}
    save_sam(moved, "sam")
    assert "sam_labels" in project.stale({"sam": {"model": "elsewhere"}})
    project.snakemake()
