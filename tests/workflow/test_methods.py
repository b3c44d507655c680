"""Every published method, and combinations, through the whole chain on micro data."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.methods.cases import COMBINATIONS
from tests.workflow.conftest import MICRO
from wsss.config.methods import method_names
from wsss.config.model import METHODS
from wsss.config.resolve import load, merge, runs
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


def test_every_method_reaches_the_masks(project, tmp_path):
    project = type(project)(tmp_path)
    project.yaml("quick.yaml", merge(MICRO, QUICK))
    names = [*method_names(), *COMBINATIONS[:2]]
    judged = [f"results/micro/{name}/segment/deeplab_v3plus/eval.val.json" for name in names]
    options = ["--cores", "2", "--set-scatter", "images=1", "--configfile", *SHIPPED, "quick.yaml"]
    project.run("snakemake", *judged, *options)
    for path in judged:
        (result,) = json.loads((tmp_path / path).read_text())["results"].values()
        assert 0 < result["miou"] < 1, path
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
    added = merge({"method": "peak+eader", "cam": {"peak": {"dropout": 0.3}}}, TURNS)
    config = {"until": "cam", "runs": {"alone": {"method": "peak"}, "erased": added}}
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
    config = {"results": "others", "until": "cam", "cam": {"checkpoint": str(tmp_path / "net.pth")}}
    project.snakemake(config=config)
    given, trained = (
        MapsReader(sorted((project.folder / results / "micro/psa/cam/maps/val").glob("*.npz")))
        for results in ("others", "results")
    )
    for image_id in trained.ids:
        assert np.array_equal(given.read(image_id)["cam"], trained.read(image_id)["cam"])


CLASSIC = {
    "batch_size": 16, "lr": 0.01, "head_lr": 10, "bias_lr": 2, "decay_biases": False,
    "momentum": 0.0005, "weight_decay": 0.0005, "poly_power": 0.9, "crop": 448,
    "sampling": "long_side", "resize": (256, 512), "jitter": (0.3, 0.3, 0.3, 0.1),
    "jitter_share": 1, "optimizer": "sgd",
}  # fmt: skip
SIAMESE = {"epochs": 8, "batch_size": 8, "resize": (448, 768)}
EADER = {
    "epochs": 10, "head_lr": 1, "bias_lr": 1, "decay_biases": True, "momentum": 0.9,
    "weight_decay": 0.0001, "poly_power": 0, "sampling": "area", "area": (0.08, 1),
    "jitter": (0, 0, 0, 0),
}  # fmt: skip
AEFT = {
    "epochs": 40, "batch_size": 8, "head_lr": 1, "crop": 320, "jitter": (0.4, 0.4, 0.4, 0.1),
    "jitter_share": 0.8,
}  # fmt: skip
RECIPES = {
    "psa": ({"epochs": 15}, [4, 32], (16, 8, 8)),
    "psa-vgg16": ({"epochs": 15, "lr": 0.1}, [4, 32], (16, 8, 8)),
    "seam": (SIAMESE, [4, 24], (6, 8, 6)),
    "sb": (SIAMESE | {"epochs": 100}, [4, 24], (6, 8, 6)),
    "eader": (EADER, [4, 32], (16, 8, 8)),
    "psa+eader": ({"epochs": 30}, [4, 32], (16, 8, 8)),
    "seam+eader": (SIAMESE | {"epochs": 16}, [4, 24], (6, 8, 6)),
    "aeft": (AEFT, [2, 21], (19, 8, 6)),
}
"""What the fact sheets say: training of the classifier, CRF alphas, walk (alpha, beta, logt)."""


def preset(name, tmp_path, *more):
    """The runs of a preset, with an empty file for every set of weights."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    for file in (name, *more):
        raw = merge(raw, yaml.safe_load((ROOT / f"configs/voc12/{file}.yaml").read_text()))
    weights = tmp_path / "weights"
    weights.touch()
    if raw["backbone"]["weights"] != "imagenet":
        raw["backbone"]["weights"] = str(weights)
    return runs(load(raw))


def test_every_preset_has_its_recipe_here():
    assert {path.stem for path in (ROOT / "configs/voc12").glob("*.yaml")} == {
        *RECIPES,
        "eader-alpha",
    }


@pytest.mark.parametrize("name", RECIPES)
def test_a_preset_is_the_official_recipe(name, tmp_path):
    train, alphas, walk = RECIPES[name]
    run = preset(name, tmp_path)[name.partition("-")[0]]
    wanted = CLASSIC | train
    if wanted["sampling"] == "area":
        del wanted["resize"]
    assert {key: getattr(run.cam.train, key) for key in wanted} == wanted
    assert run.backbone.freeze == (name != "eader")
    assert run.crf.alphas == alphas
    assert (run.walk.alpha, run.walk.beta, run.walk.logt) == walk
    assert run.walk.crf.iterations == (name == "aeft")
    affinity = run.affinity.train
    assert (affinity.epochs, affinity.batch_size, affinity.crop) == (8, 8, 448)
    assert affinity.lr == (0.1 if name == "psa-vgg16" else 0.01)
    plain = {part: options for part, options in run.options().items() if part != "eader"}
    assert plain == {part: METHODS[part]() for part in plain}
    if "eader" in name:
        official = {"name": "resnet18", "weights": "imagenet", "output_stride": None}
        assert run.cam.eader.adversary.model_dump() == official
        assert run.cam.eader == METHODS["eader"](adversary=official)


def test_the_schedules_have_the_official_lengths(tmp_path):
    steps = {"psa": 9915, "seam": 10576, "sb": 132200, "aeft": 52880}
    for name, total in steps.items():
        train = preset(name, tmp_path)[name].cam.train
        assert 10582 // train.batch_size * train.epochs == total
    aeft = preset("aeft", tmp_path)["aeft"].cam
    first, second = 10582 // 8 * aeft.aeft.start, 10582 // 32 * (40 - aeft.aeft.start)
    assert (first, first + second) == (23796, 31056)


def test_the_ablation_has_four_alphas_and_three_seeds(tmp_path):
    repeats = preset("eader", tmp_path, "eader-alpha")
    found = {(run.cam.eader.alpha, run.seed) for run in repeats.values()}
    assert found == {(a, s) for a in (0, 0.01, 0.05, 0.1) for s in (0, 1, 2)}
    assert {run.until for run in repeats.values()} == {"cam"}
    assert {run.evaluate.threshold for run in repeats.values()} == {0.3}
