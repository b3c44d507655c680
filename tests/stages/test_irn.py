"""The stages of IRNet on small networks and hand-made images."""

import argparse
import json

import cv2
import numpy as np
import pytest
import torch

from wsss.cli import main
from wsss.config.model import Run
from wsss.config.resolve import load, runs
from wsss.config.slices import slice_json
from wsss.engine.checkpoint import save_model
from wsss.errors import UserError
from wsss.io.index import Index, Item
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsWriter
from wsss.io.provenance import bytes_digest
from wsss.nn.backbones import build
from wsss.nn.irnet import IRNet
from wsss.stages import label_irn, train_irn, walk_irn
from wsss.stages.irn_instances import export_instances
from wsss.stages.train_irn import centre
from wsss.stages.walk_irn import boundaries, spread

SIZES = [(40, 56), (37, 61), (1, 1)]
IRN = {"affinity": {"source": "irn"}}


def image(height, width):
    """A dark image with a bright right half."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[:, width // 2 :] = 220
    return pixels


@pytest.fixture
def net():
    torch.manual_seed(0)
    return IRNet(build("tiny")).eval().requires_grad_(False)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("present", [0, 2])
def test_a_walk_has_the_size_of_the_image_and_one_scale(net, size, present):
    cells = [-(-side // 4) for side in size]
    cam = np.random.default_rng(0).random((present, *cells), np.float32)
    config = Run(affinity={"source": "irn", "irn": {"threshold": 0.4}}, walk={"logt": 3})
    scores = spread(net, 48, image(*size), cam, config)
    assert scores.shape == (present + 1, *size)
    assert (scores[0] == 0.4).all()
    assert scores.max().item() == pytest.approx(1 if present else 0.4)


def test_maps_without_activation_are_background(net):
    scores = spread(net, 32, image(16, 16), np.full((1, 4, 4), -0.5, np.float32), Run(**IRN))
    assert not scores[1].any()


def test_boundaries_of_a_mirrored_image_are_mirrored(net):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    one = boundaries(net, 64, pixels, "auto")
    other = boundaries(net, 64, pixels[:, ::-1].copy(), "auto")
    assert one.shape == (10, 14) and 0 <= one.min() <= one.max() <= 1
    torch.testing.assert_close(one, other.flip(-1))


@pytest.fixture
def files(tmp_path):
    """Two images, their index, maps and labels."""
    items = []
    with MapsWriter(tmp_path / "maps.tsv") as maps, LabelWriter(tmp_path / "labels.tsv") as labels:
        for name, classes in (("a", (1,)), ("b", ())):
            path = tmp_path / f"{name}.jpg"
            cv2.imwrite(str(path), image(40, 56))
            cam = np.zeros((len(classes), 10, 14), np.float16)
            cam[:, :, 7:] = 0.9
            size = np.array([40, 56])
            maps.put(name, classes=np.array(classes, np.int64), cam=cam, size=size)
            labels.put(name, np.zeros((40, 56), np.uint8))
            items.append(Item(name, "train", path, bytes_digest(path.read_bytes()), classes))
    Index(("cat", "dog"), tuple(items)).write(tmp_path / "index.tsv")
    return tmp_path


def run(stage, folder, config, *options):
    """Run a stage as its rule does."""
    parser = argparse.ArgumentParser()
    stage.add_arguments(parser)
    (run,) = runs(load(config)).values()
    name = stage.__name__.rpartition(".")[2]
    config = ["--config", slice_json(name, run), "--index", str(folder / "index.tsv")]
    stage.run(parser.parse_args([*config, *map(str, options)]))


def test_displacements_are_centred_on_average(net, files):
    items = Index.read(files / "index.tsv").split("train")[:1]
    centre(net, items, 64)
    mean = net.mean_shift.running_mean.clone()
    assert mean.any() and not net.training
    centre(net, items * 2, 64)
    torch.testing.assert_close(net.mean_shift.running_mean, mean)


def test_labels_are_the_ids_of_the_classes(files):
    out = files / "train/labels.tsv"
    run(label_irn, files, IRN, "--cams", files / "maps.tsv", "--split", "train", "--out", out)
    labels = LabelReader([out])
    found = labels.read("a")
    assert set(np.unique(found)) <= {0, 2, 255} and (found[:, 40:] == 2).all()
    assert not labels.read("b").any()


def test_masks_of_a_trained_network(files):
    net = IRNet(build("tiny"))
    backbone = {"name": "tiny", "output_stride": None}
    save_model(files / "model.pt", net, "irn", backbone=backbone, side=64)
    out = files / "walk/labels.tsv"
    given = ["--cams", files / "maps.tsv", "--affinity", files / "model.pt", "--split", "train"]
    run(walk_irn, files, IRN, *given, "--out", out)
    labels = LabelReader([out])
    assert set(np.unique(labels.read("a"))) <= {0, 2}
    assert not labels.read("b").any()


def training(files):
    names = {"out": "model.pt", "history": "history.csv", "work": "work", "labels": "labels.tsv"}
    return [text for key, name in names.items() for text in (f"--{key}", files / name)]


@pytest.mark.parametrize("radius", [4, 10])
def test_the_task_gets_its_keys(radius, files, monkeypatch):
    trained = []
    monkeypatch.setattr(train_irn, "train", lambda _, task, *__, **___: trained.append(task))
    config = {"affinity": {"source": "irn", "irn": {"radius": radius}}}
    run(train_irn, files, config, *training(files))
    assert trained[0].radius == radius


def test_a_published_network_replaces_the_training(files):
    net = IRNet(build("tiny"))
    torch.save({net.official_name(n): t for n, t in net.state_dict().items()}, files / "irn.pth")
    config = {"affinity": {"source": "irn", "irn": {"checkpoint": str(files / "irn.pth")}}}
    run(train_irn, files, config, *training(files), "--checkpoint", files / "irn.pth")
    loaded, side = walk_irn.load_irnet(files / "model.pt")
    assert side == 512
    assert torch.equal(loaded.fc_dp7[3].weight, net.fc_dp7[3].weight)


def test_irn_walks_no_refined_maps():
    with pytest.raises(UserError, match=r"walk\.maps: irn walks the class activation maps alone"):
        runs(load(IRN | {"walk": {"maps": "refined"}}))


def test_objects_are_exported_with_their_classes(files):
    torch.manual_seed(0)
    backbone = {"name": "tiny", "output_stride": None}
    save_model(files / "model.pt", IRNet(build("tiny")), "irn", backbone=backbone, side=64)
    out = files / "instances.json"
    given = {"model": "model.pt", "cams": "maps.tsv", "index": "index.tsv"}
    options = [text for key, name in given.items() for text in (f"--{key}", str(files / name))]
    assert main(["export", "instances", *options, "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    assert [image["file_name"] for image in found["images"]] == ["a.jpg", "b.jpg"]
    assert [kind["name"] for kind in found["categories"]] == ["cat", "dog"]
    for one in found["annotations"]:
        assert (one["image_id"], one["category_id"]) == (1, 2)
        assert 0.25 < one["score"] <= 1 and one["area"] >= 0.01 * 40 * 56
    assert found["annotations"]


def test_maps_of_other_images_are_refused(files):
    save_model(files / "model.pt", IRNet(build("tiny")), "irn", backbone={}, side=64)
    with MapsWriter(files / "other.tsv"):
        pass
    given = [files / "model.pt", [files / "other.tsv"], [files / "index.tsv"]]
    with pytest.raises(UserError, match=r"none of its images has maps in .*other\.tsv"):
        export_instances(*given, files / "instances.json", 1)
    assert not (files / "instances.json").exists()
