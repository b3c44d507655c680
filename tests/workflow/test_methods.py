"""Every published method, and combinations, through the whole chain on micro data."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.methods.cases import COMBINATIONS, NEWCOMER, TRAINED
from tests.workflow.conftest import MICRO
from wsss.config.merging import merge
from wsss.io.index import Index
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(f"configs/demo/{path.name}" for path in (ROOT / "configs/demo").glob("*.yaml"))
TURNS = {
    "cam": {
        "train": {"batch_size": 5},
        "eader": {"localizer_steps": 1, "adversary_steps": 1},
    }
}
QUICK = {
    "runs": {
        "aeft": {"cam": {"aeft": {"start": 0, "batch_size": 8}}},
        **{name: TURNS for name in ("eader", "psa+eader", "seam+eader")},
    }
}


@pytest.mark.long
def test_every_method_reaches_the_masks(fresh):
    fresh.yaml("quick.yaml", merge(MICRO, QUICK))
    # the demo has no weights of a transformer: test_vit.py
    names = {*TRAINED, *COMBINATIONS[:2]} - {"vit"}
    fresh.run("snakemake", "--cores", "2", "--configfile", *SHIPPED, "quick.yaml")
    for name in names:
        text = fresh.made("segment/eval.val.json", name).read_text()
        (result,) = json.loads(text)["results"].values()
        assert 0 < result["miou"] < 1, name
    assert (fresh.results / "sb.first/refine/train").is_dir()
    assert not (fresh.results / "sb.first/affinity").exists()


@pytest.mark.long
def test_every_method_rises_on_the_demo(fresh):
    fresh.run("snakemake", "--cores", "2", "--configfile", *SHIPPED)
    summary = pd.read_csv(fresh.folder / "results/demo/summary.tsv", sep="\t")
    table = summary[summary["miou"].notna() & (summary["stage"] != "seed oracle")]
    for (run, split), rows in table.groupby(["run", "split"]):
        if run == "sb.first":
            continue
        miou = rows.set_index("product")["miou"]
        stages = miou[[name for name in ("cam", "walk", "segment") if name in miou.index]]
        assert stages.diff().dropna().gt(-0.005).all(), f"{run}, {split}: {stages}"


def test_a_sixth_method_is_one_file_for_combinations_too(fresh):
    """Alone it goes through the whole chain in test_extending.py."""
    (fresh.folder / "src/wsss/methods/peak.py").write_text(NEWCOMER)
    added = merge({"method": "peak+eader", "cam": {"peak": {"dropout": 0.3}}}, TURNS)
    fresh.snakemake("--until", "infer_cam", config={"runs": {"erased": added}})
    assert len(MapsReader([fresh.made("cam/val/maps.tsv", "erased")]).ids) == 4
    output = fresh.snakemake(config={"method": "peaks"}, check=False)
    assert "unknown method 'peaks'; known: aeft, clip_es, eader, irn, peak, psa" in output


@pytest.mark.long
def test_a_published_checkpoint_replaces_the_training(project, tmp_path):
    import torch

    from wsss.engine.checkpoint import load_model
    from wsss.nn.weights import official_names
    from wsss.stages.classifiers import load_method

    path = project.made("cam/model.pt")
    names = official_names(load_method(path).net)
    state = load_model(path, "classifier").state
    torch.save({official: state[ours] for official, ours in names.items()}, tmp_path / "net.pth")
    config = {"results": "others", "until": "cam", "cam": {"checkpoint": str(tmp_path / "net.pth")}}
    project.snakemake("--until", "infer_cam", config=config)
    given, trained = (
        MapsReader([project.folder / results / "micro/psa/cam/val/maps.tsv"])
        for results in ("others", "results")
    )
    for image_id in trained.ids:
        assert np.array_equal(given.read(image_id)["cam"], trained.read(image_id)["cam"])


@pytest.mark.long
def test_a_second_round_learns_its_own_masks_and_masks_are_the_bound(project):
    config = {"segment": {"rounds": 2, "train": {"masks": False}}, "upper_bound": True}
    project.snakemake(config=config)
    summary = pd.read_csv(project.results / "summary.tsv", sep="\t")
    rows = {(run, stage) for run, stage, split in summary[["run", "stage", "split"]].values}
    segmenter = "segmenter deeplab_v3plus"
    assert {
        ("psa", "relabelled"),
        ("psa.round1", segmenter),
        ("psa.bound", f"{segmenter} + masks"),
    } <= rows
    assert ("psa.bound", "pseudo labels") not in rows
    index = Index.read(project.results / "index.train.tsv")
    labels = LabelReader([project.made("segment/relabelled/train/labels.tsv")])
    for item in index.split("train"):
        allowed = {0, *(c + 1 for c in item.classes)}
        assert set(np.unique(labels.read(item.image_id))) <= allowed
    log = project.log("segment/model.pt", "psa.bound")
    assert "masks replace the pseudo labels of 10 images" in log
    project.snakemake()
