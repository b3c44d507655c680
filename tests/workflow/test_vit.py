"""A vision transformer in the chain on micro data: trained, and frozen with heads alone."""

import json

import numpy as np
import pytest
import timm
import torch

from wsss.engine.checkpoint import load_model
from wsss.io.maps import MapsReader

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.xdist_group("workflow"),
]

NAME = "timm/test_vit.r160_in1k"


def test_a_transformer_reaches_the_masks(fresh):
    torch.manual_seed(0)
    for patch in (16, 8):
        # weights of another resolution, and of another patch size
        other = timm.create_model("test_vit", img_size=64, patch_size=patch).state_dict()
        torch.save(other, fresh.folder / f"patch{patch}.pth")
    backbone = {"name": NAME, "weights": str(fresh.folder / "patch16.pth")}
    vit = {
        "method": "vit",
        "backbone": backbone,
        "affinity": {"source": "features", "features": {"taps": ["conv5", "conv6"]}},
        "segment": {"segmenter": "deeplab_v1", "deeplab_v1": {"width": 16, "dilation": 1}},
    }
    heads = {"until": "cam", "cam": {"vit": {"maps": "auxiliary", "attention": 3}}}
    frozen = vit | heads | {"backbone": backbone | {"freeze": "all"}}
    config = {"runs": {"vit": vit, "frozen": frozen}}
    fresh.snakemake(config=config)

    text = fresh.made("segment/eval.val.json", "vit").read_text()
    (result,) = json.loads(text)["results"].values()
    assert 0 < result["miou"] < 1
    trained, held = (
        load_model(fresh.made("cam/model.pt", r), "classifier") for r in config["runs"]
    )
    licence = {"backbone": NAME, "source": "patch16.pth", "licence": "unknown: given as a file"}
    assert trained.meta["weights"] == held.meta["weights"] == [licence]
    changed = {
        key: not torch.equal(held.state[key], trained.state[key])
        for key in held.state
        if key.startswith("backbone.encoder.blocks.0.attn")
    }
    assert changed and all(changed.values())
    history = (fresh.trained("cam/model.pt", "frozen") / "history.csv").read_text()
    assert "net/contrast" not in history and "net/auxiliary" in history
    for run in config["runs"]:
        maps = MapsReader([fresh.made("cam/val/maps.tsv", run)])
        assert len(maps.ids) == 4
        assert all(np.isfinite(maps.read(i)["cam"]).all() for i in maps.ids)

    vit["backbone"] = backbone | {"weights": str(fresh.folder / "patch8.pth")}
    output = fresh.snakemake(config={"runs": {"vit": vit}}, check=False)
    assert f"not weights of {NAME}: 1 of another shape (encoder.patch_embed.proj.weight" in output
