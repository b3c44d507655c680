"""CLIP-ES in the chain on micro data, with a tower of random weights and texts from a file."""

import json

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from tests.workflow.conftest import MICRO
from wsss.engine.checkpoint import load_model
from wsss.io.index import Index
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.io.text_features import TextFeatures

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.xdist_group("workflow"),
]

TOWER = "vit_xsmall_patch16_clip_224.tinyclip_yfcc15m"
WORDS = ("ground", "sky")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A run without training before the segmenter."""
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    save_file(timm.create_model(TOWER).state_dict(), folder / "tower.safetensors")
    names = tuple(MICRO["dataset"]["classes"])
    rows = np.random.default_rng(0).standard_normal((len(names) + len(WORDS), 512))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    TextFeatures(
        names=names,
        prompts=names,
        words=WORDS,
        template="{}",
        tower="random",
        licence="MIT",
        classes=rows[: len(names)],
        background=rows[len(names) :],
        logit_scale=np.float32(4.6),
        patch=np.zeros(0, np.float32),
    ).write(folder / "text.safetensors")
    tower = {"name": f"timm/{TOWER}", "weights": str(folder / "tower.safetensors")}
    own = {
        "method": "clip_es",
        "cam": {"clip_es": {"tower": tower, "text": str(folder / "text.safetensors")}},
        "crf": {"alphas": [1, 2]},
        "affinity": {"source": "none"},
        "segment": {"train": {"pixels": "sure", "sure": 0.5}},
    }
    return {"runs": {"clip_es": own}}


def test_only_the_segmenter_is_trained(fresh, config):
    stages = fresh.stale(config)
    assert {"convert_weights", "prepare_cam", "label_refined", "train_segmenter"} <= stages
    assert not {"train_cam", "embed_text", "train_affinity", "random_walk"} & stages
    fresh.snakemake(config=config)
    model = load_model(fresh.made("cam/model.pt", "clip_es"), "classifier")
    assert model.meta["params"]["clip_es"]["background"] == [*WORDS]
    assert [one["licence"] for one in model.meta["weights"]] == ["unknown: given as a file", "MIT"]
    items = Index.read(fresh.results / "index.train.tsv").split("train")
    maps = MapsReader([fresh.made("cam/train/maps.tsv", "clip_es")])
    labels = LabelReader([fresh.made("walk/train/labels.tsv", "clip_es")])
    for item in items:
        cam = maps.read(item.image_id, "cam")["cam"]
        assert len(cam) == len(item.classes)
        assert set(np.unique(labels.read(item.image_id))) <= {0, *(c + 1 for c in item.classes)}
    for step in ("cam", "refine", "walk", "segment"):
        text = fresh.made(f"{step}/eval.val.json", "clip_es").read_text()
        assert json.loads(text)["results"]
    assert not fresh.stale(config)
