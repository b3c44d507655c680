"""The stage that corrects pseudo labels by the masks of SAM."""

import json

import cv2
import numpy as np
import pytest
import torch

from tests.sams import save_sam
from tests.stages.test_irn import image
from wsss.cli import main
from wsss.config.model import Run
from wsss.config.sam import Sam
from wsss.config.slices import slice_json
from wsss.io.index import Index, Item
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsWriter
from wsss.io.provenance import bytes_digest
from wsss.io.records import read_provenance
from wsss.stages.parts import weights_of
from wsss.stages.sam_labels import corrected, prompts

SIZE = (40, 56)
ITEM = Item("a", "train", "a.jpg", "", (1, 4))


class Half(torch.nn.Module):
    """A network whose mask is the half of the image that a point lies in, surely for the right."""

    def forward(self, view, points):
        columns = torch.arange(view.shape[3])
        right = columns >= view.shape[3] // 2
        own = points[:, 1:] >= view.shape[3] // 2
        masks = (right[None] == own)[:, None].expand(-1, view.shape[2], -1)
        return masks, torch.where(own[:, 0], 0.9, 0.2)


def test_prompts_are_the_peaks_of_a_class_among_its_own_pixels():
    cam = np.zeros((2, *SIZE), np.float32)
    cam[0, 5, 5], cam[0, 30, 50], cam[1, 20, 20] = 0.5, 1, 0.3
    ids = np.zeros(SIZE, np.uint8)
    ids[:10, :10], ids[15:25, 15:25] = 2, 5
    assert prompts(ITEM, cam, ids, Sam()).tolist() == [[5, 5], [20, 20]]
    assert prompts(ITEM, cam, np.zeros_like(ids), Sam()).shape == (0, 2)


def test_masks_of_low_quality_are_dropped():
    ids = np.zeros(SIZE, np.uint8)
    ids[:, 10:18], ids[:, 30:46] = 1, 2
    points = np.array([[20, 12], [20, 40]])
    found = corrected(Half(), image(*SIZE), points, ids, Sam())
    assert (found[:, 28:] == 2).all() and (found[:, :28] == ids[:, :28]).all()
    every = corrected(Half(), image(*SIZE), points, ids, Sam(quality=0))
    assert (every[:, :28] == 1).all() and (every[:, 28:] == 2).all()


def test_without_points_the_labels_stay_and_sam_is_not_asked():
    ids = np.full(SIZE, 255, np.uint8)
    none = np.zeros((0, 2), np.int64)
    np.testing.assert_array_equal(corrected(None, image(*SIZE), none, ids, Sam()), ids)


@pytest.fixture
def files(tmp_path):
    """Two images, their index, maps and labels."""
    items = []
    with MapsWriter(tmp_path / "maps.tsv") as maps, LabelWriter(tmp_path / "labels.tsv") as labels:
        for name, classes in (("a", (1,)), ("b", ())):
            path = tmp_path / f"{name}.jpg"
            cv2.imwrite(str(path), image(*SIZE))
            cam = np.zeros((len(classes), 10, 14), np.float16)
            cam[:, 3:6, 9:12] = 0.9
            maps.put(name, classes=np.array(classes, np.int64), cam=cam, size=np.array(SIZE))
            ids = np.zeros(SIZE, np.uint8)
            ids[8:30, 30:] = 2 if classes else 0
            labels.put(name, ids)
            items.append(Item(name, "train", path, bytes_digest(path.read_bytes()), classes))
    Index(("cat", "dog"), tuple(items)).write(tmp_path / "index.tsv")
    return tmp_path


@pytest.mark.parametrize("kind", ["sam", "sam2"])
def test_labels_are_corrected_by_a_network_of_a_folder(kind, files, capsys):
    save_sam(files / "net", kind)
    (files / "net/README.md").write_text("---\nlicense: apache-2.0\n---\n")
    config = slice_json("sam_labels", Run(sam={"model": str(files / "net")}))
    given = {"index": "index.tsv", "cams": "maps.tsv", "labels": "labels.tsv", "model": "net"}
    options = [text for key, name in given.items() for text in (f"--{key}", str(files / name))]
    for number in "12":
        out = files / number / "labels.tsv"
        main(["sam-labels", *options, "--split", "train", "--out", str(out), "--config", config])
    assert "licence apache-2.0" in capsys.readouterr().err
    first, second = (LabelReader([files / number / "labels.tsv"]) for number in "12")
    assert first.digest == second.digest
    assert set(np.unique(first.read("a"))) <= {0, 2} and not first.read("b").any()
    before = LabelReader([files / "labels.tsv"]).read("a")
    assert (first.read("a")[before == 2] == 2).all()
    (kept,) = weights_of([files / "1/labels.tsv", files / "labels.tsv"])
    assert (kept["source"], kept["licence"]) == ("net", "apache-2.0")
    made = json.loads(read_provenance(files / "1/labels.tsv"))
    assert made["config"] == {"sam": {"points": 8, "quality": 0.5, "precision": "auto"}}
