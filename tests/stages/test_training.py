"""Networks keep source and licence of the weights that they are made from."""

import argparse

import pytest
import torch

from wsss.engine.checkpoint import load_model, save_model
from wsss.errors import UserError
from wsss.nn.backbones import build
from wsss.nn.camnet import CamNet
from wsss.nn.licences import GIVEN
from wsss.stages import convert_weights
from wsss.stages.training import backbone_meta, start_backbone, weights_meta

TINY = argparse.Namespace(name="tiny", output_stride=None)
ORIGIN = {"backbone": "tiny", "source": "x.pth", "licence": GIVEN}


@pytest.fixture
def weights(tmp_path):
    """The checked weights of a file of the user."""
    torch.save(build("tiny").state_dict(), tmp_path / "x.pth")
    parser = argparse.ArgumentParser()
    convert_weights.add_arguments(parser)
    files = ["--source", str(tmp_path / "x.pth"), "--out", str(tmp_path / "weights.pt")]
    convert_weights.run(parser.parse_args(["--backbone", "tiny", *files]))
    return tmp_path / "weights.pt"


def classifier(path, **meta):
    about = {"method": "psa", "params": {}, "classes": ["cat"], "backbone": backbone_meta(TINY)}
    save_model(path, CamNet(build("tiny"), 1), "classifier", **about, **meta)
    return path


def test_origins_pass_from_weights_to_the_networks_behind_them(weights, tmp_path):
    assert load_model(weights, "backbone").meta["weights"] == [ORIGIN]
    first = start_backbone(TINY, [weights])
    found = weights_meta(None, first, start_backbone(TINY, [weights]), build("tiny"))
    assert found == [ORIGIN]
    cam = classifier(tmp_path / "cam.pt", weights=found)
    assert weights_meta(None, start_backbone(TINY, [], [cam])) == [ORIGIN]


def test_random_weights_have_no_origin():
    assert weights_meta(None, start_backbone(TINY, [])) == []


def test_a_published_network_is_the_origin_of_its_weights(weights, tmp_path):
    backbone = start_backbone(TINY, [weights])
    assert weights_meta(tmp_path / "net.pth", backbone) == [ORIGIN | {"source": "net.pth"}]


def test_models_without_origins_are_read_and_damaged_ones_are_not(tmp_path):
    cam = classifier(tmp_path / "old.pt")
    assert weights_meta(None, start_backbone(TINY, [], [cam])) == []
    damaged = classifier(tmp_path / "new.pt", weights=[{"backbone": "tiny"}])
    with pytest.raises(UserError, match="damaged, or not a model"):
        load_model(damaged, "classifier")
