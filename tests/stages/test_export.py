import json
import sys
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from wsss.engine.checkpoint import save_model
from wsss.errors import UserError
from wsss.export import FORMATS
from wsss.io.index import Index, Item
from wsss.io.labels import LabelWriter
from wsss.nn import segmenters
from wsss.nn.backbones import build
from wsss.stages import export

OUT = {"coco": "out.json", "label_studio": "out.json", "cvat": "out.zip", "voc": "out.tar"}
ORIGIN = {"backbone": "tiny", "source": "x.pth", "licence": "MIT"}


def call(*arguments: object) -> None:
    parser = ArgumentParser()
    export.add_arguments(parser)
    export.run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Masks of two images, each in a folder of its own, the images, index and classes.txt."""
    (tmp_path / "photos").mkdir()
    items = []
    for name in "ab":
        Image.new("RGB", (3, 2)).save(tmp_path / f"photos/{name}.png")
        items.append(Item(name, "val", tmp_path / f"photos/{name}.png", "0", ()))
        with LabelWriter(tmp_path / name / "labels.tsv") as out:
            out.put(name, np.array([[0, 1, 1], [1, 1, 0]], np.uint8))
        (tmp_path / name / "classes.txt").write_text("background\ncat\n")
    Index(("cat",), tuple(items)).write(tmp_path / "index.tsv")
    return tmp_path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    meta = {"segmenter": "deeplab_v3plus", "options": {}, "classes": ["cat"]}
    backbone = build("tiny")
    net = segmenters.build("deeplab_v3plus", backbone, 2)
    stride = backbone.strides["conv6"]
    meta["backbone"] = {"name": "tiny", "output_stride": stride}
    save_model(tmp_path / "model.pt", net, "segmenter", **meta, weights=[ORIGIN])
    return tmp_path / "model.pt"


MASKS = [name for name in FORMATS if name not in ("instances", "onnx")]


@pytest.mark.parametrize("name", MASKS)
def test_records_with_an_index_and_folders_with_images_give_the_same(data, name):
    records = ["--labels", data / "a/labels.tsv", data / "b/labels.tsv"]
    first, second = (data / folder / OUT.get(name, "out") for folder in "12")
    call(name, *records, "--index", data / "index.tsv", "--out", first)
    call(name, "--labels", data / "a", data / "b", "--images", data / "photos", "--out", second)
    inside = {
        "bundle": "README.md",
        "labelme": "b.json",
        "overlay": "b.jpg",
        "yolo": "labels/b.txt",
    }
    files = [p if p.is_file() else p / inside.get(name, "b.png") for p in (first, second)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_voc_files_are_checked_on_demand(data, caplog):
    (data / "list.txt").write_text("a\nb\n")
    images = ["--images", data / "photos"]
    call("voc", "--labels", data / "a", data / "b", *images, "--out", data / "out.tar")
    with caplog.at_level("INFO", "wsss"):
        call("voc", "--check", data / "out.tar", "--list", data / "list.txt")
        call("voc", "--check", data / "out.tar", "--list", data / "list.txt", *images)
    assert "sizes not compared" in caplog.messages[-2] and "sizes agree" in caplog.messages[-1]
    (data / "list.txt").write_text("a\nb\nc\n")
    with pytest.raises(UserError, match=r"c.png is missing"):
        call("voc", "--check", data / "out.tar", "--list", data / "list.txt")


def test_the_segmenter_becomes_a_model_of_its_classes(data, model):
    call("onnx", "--model", model, "--out", data / "model.onnx")
    session = onnxruntime.InferenceSession(data / "model.onnx")
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["weights"]) == [ORIGIN]
    assert json.loads(facts["labels"]) == ["background", "cat"]
    assert (facts["segmenter"], facts["backbone"]) == ("deeplab_v3plus", "tiny")


def test_a_bundle_describes_the_network(data, model):
    options = ["--index", data / "index.tsv", "--model", model, "--out", data / "out"]
    call("bundle", "--labels", data / "a", data / "b", *options, "--title", "pets")
    card = (data / "out/README.md").read_text()
    assert '"segmenter": "deeplab_v3plus"' in card and "| tiny | x.pth | MIT |" in card


def test_onnx_is_an_extra(data, model, monkeypatch):
    monkeypatch.delitem(sys.modules, "wsss.export.onnx", raising=False)
    monkeypatch.delattr("wsss.export.onnx", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"^onnx: needs onnxruntime: pip install 'wsss\[onnx\]'$"):
        call("onnx", "--model", model, "--out", data / "model.onnx")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["voc", "--check", "x.tar"], "needs --list"),
        (["voc", "--list", "list.txt"], "needs masks .--labels or --run. and --out"),
        (["coco", "--labels", "a", "--index", "i", "--images", "p", "--out", "o"], "leave one out"),
        (["coco", "--labels", "none", "--out", "o"], "none: no such file or folder; if these"),
        (["coco", "--labels", "a", "--images", "none", "--out", "o"], "none: no such file"),
        (["onnx", "--model", "none.pt", "--out", "o"], "none.pt: no such model"),
    ],
)
def test_mistakes_are_named(data, monkeypatch, arguments, text):
    monkeypatch.chdir(data)
    Path("list.txt").write_text("a\n")
    with pytest.raises(UserError, match=text):
        call(*arguments)
    assert not Path("o").exists()


@pytest.fixture
def run_folder(data, monkeypatch):
    """The folder of a run whose masks are links into the store, in the current folder."""
    monkeypatch.chdir(data)
    Path("results/store/random_walk/0123456789ab").mkdir(parents=True)
    Path("results/pets/psa/walk").mkdir(parents=True)
    store = Path("results/store/random_walk/0123456789ab/train")
    with LabelWriter(store / "labels.tsv") as out:
        for name in "ab":
            out.put(name, np.ones((2, 3), np.uint8))
    Path("results/pets/psa/walk/train").symlink_to(store.absolute())
    Path("results/pets/index.train.tsv").symlink_to(Path("index.tsv").absolute())
    return Path("results/pets/psa")


@pytest.mark.parametrize("labels", ["walk/train", "walk/train/", "walk/train/labels.tsv"])
@pytest.mark.parametrize("inside", [True, False])
def test_masks_of_a_run_are_exported_by_its_folder(run_folder, monkeypatch, labels, inside):
    if inside:
        monkeypatch.chdir(run_folder)
    path = labels if inside else run_folder / labels
    call("coco", "--labels", path, "--out", "out.json")
    document = json.loads(Path("out.json").read_text())
    assert [kind["name"] for kind in document["categories"]] == ["cat"]
    assert [image["file_name"] for image in document["images"]] == ["a.png", "b.png"]


@pytest.mark.parametrize("folder", ["", "walk"])
def test_a_folder_above_masks_names_those_in_it(run_folder, folder):
    with pytest.raises(UserError, match=r"holds no labels\.tsv; name a folder .*psa/walk/train$"):
        call("coco", "--labels", run_folder / folder, "--out", "out.json")


def test_masks_that_are_not_there_yet_are_no_damage(run_folder):
    (run_folder / "walk/train/labels.tsv").unlink()
    with pytest.raises(UserError, match="its workflow has not finished them"):
        call("coco", "--labels", run_folder / "walk/train", "--out", "out.json")
    with pytest.raises(UserError, match=r"labels\.tsv: no such file .* run it again$"):
        call("coco", "--labels", run_folder / "walk/train/labels.tsv", "--out", "out.json")
