"""Every published method, and combinations, through the whole chain on micro data."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.methods.cases import COMBINATIONS
from tests.workflow.conftest import MICRO
from wsss.config.methods import method_names
from wsss.config.resolve import load, merge, runs

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

ROOT = Path(__file__).parents[2]
SHIPPED = "configs/demo/methods.yaml"
STAGES = {"seed", "seed oracle", "crf low", "crf high", "walk", "segment deeplab_v3plus"}
QUICK = {
    "cam": {
        "eader": {"localizer_steps": 1, "adversary_steps": 1},
        "aeft": {"start": 0, "batch_size": 4},
    },
    # no run with maps of its own: the first run is trained, too
    "runs": {"sb": {"boundaries": {"run": None}}},
}


def test_every_method_reaches_the_masks(project, tmp_path):
    project = type(project)(tmp_path)
    project.yaml("quick.yaml", merge(MICRO, QUICK))
    files = ["--configfile", SHIPPED, "quick.yaml"]
    project.run("snakemake", "--cores", "2", "--set-scatter", "images=1", *files)
    summary = pd.read_csv(project.results / "summary.tsv", sep="\t")
    val = summary[summary["split"] == "val"].groupby("run")["stage"].agg(set)
    assert {*method_names(), *COMBINATIONS[:2]} <= set(val.index)
    for name in {*val.index} - {"sb.first"}:
        assert val[name] >= STAGES, name
    assert (project.results / "sb.first/crf/maps").is_dir()
    assert not (project.results / "sb.first/affinity").exists()


def test_a_published_checkpoint_replaces_the_training(project, tmp_path):
    import torch

    from wsss.engine.checkpoint import load_model
    from wsss.nn.weights import official_names
    from wsss.stages.infer_cam import load_method

    path = project.results / "psa/cam/model.pt"
    names = official_names(load_method(path).net)
    state = load_model(path, "classifier").state
    torch.save({official: state[ours] for official, ours in names.items()}, tmp_path / "net.pth")
    config = {
        "until": "cam",
        "runs": {"given": {"cam": {"checkpoint": str(tmp_path / "net.pth")}}},
    }
    project.snakemake(config=config)
    given = project.results / "given/cam/maps/val"
    for shard in given.glob("*.npz"):
        trained = project.results / "psa/cam/maps/val" / shard.name
        assert shard.stat().st_size == trained.stat().st_size


def presets(folder):
    return sorted((ROOT / "configs" / folder).glob("*.yaml"))


@pytest.mark.parametrize("path", presets("voc12"), ids=lambda path: path.stem)
def test_a_preset_is_the_official_recipe(path, tmp_path):
    """Every key of a preset exists; what it names on disk is the user's business."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    if path.stem == "eader-alpha":
        raw = merge(raw, yaml.safe_load((path.parent / "eader.yaml").read_text()))
    raw = merge(raw, yaml.safe_load(path.read_text()))
    for trunk in (raw["backbone"], raw["segment"]["backbone"]):
        file = tmp_path / "weights"
        file.touch()
        trunk["weights"] = "imagenet" if trunk["weights"] == "imagenet" else str(file)
    resolved = runs(load(raw))
    expected = {"sb": 2, "eader-alpha": 12}.get(path.stem, 1)
    assert len(resolved) == expected
    for run in resolved.values():
        assert run.cam.train.optimizer == "sgd"
        assert run.until == "cam" or run.affinity.train.crop == 448
