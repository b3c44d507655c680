import json

import pytest
from PIL import Image

from tests.test_name_gate import BACKGROUNDS, LOOK_ALIKES
from wsss.config.dataset import Dataset
from wsss.data.check import check_listing
from wsss.data.sources import read
from wsss.errors import UserError


class Source:
    """Two training images and a held-out one; the labels of the first are given."""

    def __init__(self, kind, root):
        self.kind, self.root = kind, root

    def problems(self, labels, classes=()):
        getattr(self, self.kind)(labels)
        coco = {"annotations": {s: f"{s}.json" for s in ("train", "val")}}
        coco["images"] = {"train": "train", "val": "val"}
        dataset = Dataset(source=self.kind, root=str(self.root), classes=list(classes), coco=coco)
        try:
            check_listing(read(dataset), dataset)
        except UserError as error:
            return str(error)
        return ""

    def image(self, place):
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6)).save(path)

    def csv(self, label):
        for name in "abc":
            self.image(f"{name}.png")
        rows = ["image,split,labels", f"a.png,train,{label}", "b.png,train,traffic light"]
        (self.root / "labels.csv").write_text("\n".join([*rows, "c.png,val,traffic light"]))

    def folders(self, label):
        self.image(f"train/{label}/a.png")
        self.image("train/traffic light/b.png")
        self.image("val/traffic light/c.png")

    def voc(self, label):
        for name, own in {"a": label, "b": "traffic light", "c": "traffic light"}.items():
            self.image(f"JPEGImages/{name}.jpg")
            (self.root / "Annotations").mkdir(exist_ok=True)
            xml = f"<annotation><object><name>{own}</name></object></annotation>"
            (self.root / f"Annotations/{name}.xml").write_text(xml)
        lists = self.root / "ImageSets/Segmentation"
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text("a\nb\n")
        (lists / "val.txt").write_text("c\n")

    def coco(self, label):
        names = [{"id": 1, "name": label}, {"id": 2, "name": "traffic light"}]
        content = {"train": {1: 1, 2: 2}, "val": {3: 2}}
        for split, shown in content.items():
            for number in shown:
                self.image(f"{split}/{number}.png")
            images = [{"id": n, "file_name": f"{n}.png", "height": 6, "width": 8} for n in shown]
            marks = [{"id": i, "image_id": i, "category_id": c} for i, c in shown.items()]
            whole = {"images": images, "annotations": marks, "categories": names}
            (self.root / f"{split}.json").write_text(json.dumps(whole))


@pytest.fixture(params=["csv", "folders", "voc", "coco"])
def source(request, tmp_path):
    return Source(request.param, tmp_path)


@pytest.mark.parametrize("label", [name for name in LOOK_ALIKES if "\ufeff" not in name])
def test_look_alike_names_are_named_at_every_source(source, label):
    found = source.problems(label, ["traffic light"] if source.kind == "voc" else [])
    assert "keep one" in found or "did you mean traffic light?" in found


@pytest.mark.parametrize("label", [name for name in BACKGROUNDS if name.strip() != "background"])
def test_background_in_other_spellings_is_refused_at_every_source(source, label):
    found = source.problems(label, ["traffic light"] if source.kind == "voc" else [])
    assert "write background" in found


@pytest.mark.parametrize("label", ["traffic light ", "\u00a0traffic light"])
def test_names_are_stripped_at_every_source(source, label):
    classes = ["traffic light"] if source.kind == "voc" else []
    if source.kind == "coco":
        assert "'traffic light' occurs twice" in source.problems(label, classes)
    else:
        assert source.problems(label, classes) == ""


@pytest.mark.parametrize("label", ["truck", "Traffic-light", "dog"])
def test_a_name_known_to_nobody_makes_no_negative(source, label):
    found = source.problems(label, ["traffic light"])
    if source.kind == "coco":  # classes select among the categories of the file
        assert found == ""
    else:
        assert (source.kind == "voc" and label == "dog") or label in found
