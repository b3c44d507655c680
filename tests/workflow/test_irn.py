"""IRNet in the chain on micro data, behind its own classifier and behind that of another method."""

import json

import numpy as np
import pytest

from wsss.engine.checkpoint import load_model
from wsss.io.index import Index
from wsss.io.labels import LabelReader

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.xdist_group("workflow"),
]

IRN = {"refine": "none", "affinity": {"source": "irn"}, "until": "walk"}


def test_maps_of_any_method_are_walked_up_to_the_boundaries(project):
    config = {"runs": {"psa": IRN, "irn": IRN | {"method": "irn"}}}
    stages = project.stale(config)
    assert {"label_irn", "train_irn", "walk_irn"} <= stages
    assert not {"refine_maps", "train_affinity", "random_walk", "train_segmenter"} & stages
    project.snakemake(config=config)
    items = Index.read(project.results / "index.train.tsv").split("train")
    for run in ("psa", "irn"):
        sure = LabelReader([project.made("irn_labels/train/labels.tsv", run)])
        walked = LabelReader([project.made("walk/train/labels.tsv", run)])
        for item in items:
            classes = {0, *(c + 1 for c in item.classes)}
            assert set(np.unique(walked.read(item.image_id))) <= classes
            assert set(np.unique(sure.read(item.image_id))) <= classes | {255}
        text = project.made("walk/eval.val.json", run).read_text()
        (result,) = json.loads(text)["results"].values()
        assert 0 < result["miou"] < 1
        model = load_model(project.made("affinity/model.pt", run), "irn")
        assert model.meta["side"] == 64 and model.state["mean_shift.running_mean"].any()


def test_finished_work_is_not_redone(project):
    config = {"runs": {"psa": IRN}}
    project.snakemake(config=config)
    assert not project.stale(config)
    project.snakemake()
