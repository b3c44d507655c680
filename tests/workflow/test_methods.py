"""Every published method, and combinations, through the whole chain on micro data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.methods.cases import COMBINATIONS
from tests.workflow.conftest import MICRO
from wsss.config.methods import method_names
from wsss.config.resolve import load, merge, runs
from wsss.io.maps import MapsReader

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(f"configs/demo/{path.name}" for path in (ROOT / "configs/demo").glob("*.yaml"))
STAGES = {"seed", "seed oracle", "crf low", "crf high", "walk", "segment deeplab_v3plus"}
QUICK = {
    "cam": {
        "eader": {"localizer_steps": 1, "adversary_steps": 1},
        "aeft": {"start": 0, "batch_size": 4},
    }
}


def test_every_method_reaches_the_masks(project, tmp_path):
    project = type(project)(tmp_path)
    project.yaml("quick.yaml", merge(MICRO, QUICK))
    files = ["--configfile", *SHIPPED, "quick.yaml"]
    project.run("snakemake", "--cores", "2", "--set-scatter", "images=1", *files)
    summary = pd.read_csv(project.results / "summary.tsv", sep="\t")
    val = summary[summary["split"] == "val"].groupby("run")["stage"].agg(set)
    assert {*method_names(), *COMBINATIONS[:2]} <= set(val.index)
    for name in {*val.index} - {"sb.first"}:
        assert val[name] >= STAGES, name
    assert (project.results / "sb.first/crf/maps").is_dir()
    assert not (project.results / "sb.first/affinity").exists()


NEWCOMER = '''"""Peak: a classifier that pools each map by its maximum."""

from pydantic import Field

from wsss.config.section import MethodParams
from wsss.losses.classification import multilabel_soft_margin
from wsss.methods.base import Method
from wsss.nn.camnet import CamNet


class PeakParams(MethodParams):
    """Hyper-parameters of Peak."""

    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Probability that a channel of the last features is dropped in training."""


class Peak(Method):
    """Max pooling instead of the mean."""

    Params = PeakParams

    def build(self, backbone, num_classes, params):
        return CamNet(backbone, num_classes, params.dropout)

    def forward(self, batch, clock):
        maps = self.net.fc8(self.net.dropout7(self.net.backbone(batch["image"])["conv6"]))
        return {"net": {"cls": multilabel_soft_margin(maps.amax((2, 3)), batch["label"])}}

    def cam(self, image):
        return self.net.cam(image)
'''


def test_a_sixth_method_is_one_file(project, tmp_path):
    project = type(project)(tmp_path)
    (tmp_path / "src/wsss/methods/peak.py").write_text(NEWCOMER)
    plain, added = {"method": "peak"}, {"method": "peak+eader", "cam": {"peak": {"dropout": 0.3}}}
    config = {"until": "cam", "runs": {"alone": plain, "erased": added}}
    project.snakemake("--set-scatter", "images=1", config=config)
    summary = pd.read_csv(project.results / "summary.tsv", sep="\t")
    assert set(summary["run"]) == {"alone", "erased"}
    output = project.snakemake(config={"method": "peaks"}, check=False)
    assert "unknown method 'peaks'; known: aeft, eader, peak, psa" in output


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
    given, trained = (
        MapsReader(sorted((project.results / run / "cam/maps/val").glob("*.npz")))
        for run in ("given", "psa")
    )
    for image_id in trained.ids:
        assert np.array_equal(given.read(image_id)["cam"], trained.read(image_id)["cam"])


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
