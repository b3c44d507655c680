import argparse

import pytest
import torch

from wsss.config.resolve import load, runs
from wsss.config.slices import slice_json
from wsss.engine.checkpoint import load_model
from wsss.errors import UserError
from wsss.io.index import Index, Item
from wsss.nn import segmenters
from wsss.nn.backbones import build
from wsss.nn.licences import GIVEN
from wsss.stages import train_segmenter

SMALL = {"segmenter": "deeplab_v3plus", "deeplab_v3plus": {"width": 8, "separable": False}}


@pytest.fixture
def run(tmp_path):
    """Run the stage on an index of two classes with the configuration of the segmenter."""

    def stage(segment, *arguments):
        item = Item("a", "train", tmp_path / "a.jpg", "0", (0,))
        Index(("cat", "dog"), (item,)).write(tmp_path / "index.tsv")
        (config,) = runs(load({"segment": segment})).values()
        parser = argparse.ArgumentParser()
        train_segmenter.add_arguments(parser)
        files = ["--index", "index.tsv", "--out", "model.pt", "--history", "history.csv"]
        files += ["--work", "work", *arguments]
        files = [str(tmp_path / f) if "." in f or f == "work" else f for f in files]
        files += ["--config", slice_json("train_segmenter", config)]
        train_segmenter.run(parser.parse_args(files))

    return stage


def test_a_published_network_replaces_the_training(run, tmp_path):
    net = segmenters.build("deeplab_v3plus", build("tiny"), 3, width=8)
    torch.save({"state_dict": net.state_dict(), "epoch": 50}, tmp_path / "official.pth.tar")
    run(SMALL, "--checkpoint", "official.pth.tar")
    taken = load_model(tmp_path / "model.pt", "segmenter")
    assert all(torch.equal(tensor, taken.state[name]) for name, tensor in net.state_dict().items())
    origin = {"backbone": "tiny", "source": "official.pth.tar", "licence": GIVEN}
    assert taken.meta["weights"] == [origin]
    assert taken.meta["published"] == "official.pth.tar"
    assert (tmp_path / "history.csv").exists()


def test_another_network_is_refused(run, tmp_path):
    net = segmenters.build("deeplab_v3plus", build("tiny"), 4, width=8)
    torch.save(net.state_dict(), tmp_path / "official.pth")
    with pytest.raises(
        UserError, match=r"segment.checkpoint: .*does not fit DeepLabV3Plus: .*shape"
    ):
        run(SMALL, "--checkpoint", "official.pth")
    assert not (tmp_path / "model.pt").exists()


def test_it_does_not_start_at_random_for_want_of_the_classifier(run):
    with pytest.raises(UserError, match="give --classifier"):
        run(SMALL | {"train": {"init": "cam"}})
