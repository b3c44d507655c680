"""What is exported for correction comes back as it was, also unchanged."""

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.export.conftest import CLASSES, MASKS
from tests.export.test_formats import write
from wsss.data.corrections import find_corrections
from wsss.io.index import Index


def unpacked(out: Path) -> Path:
    """The archive of CVAT as a folder."""
    with zipfile.ZipFile(out) as archive:
        archive.extractall(out.with_suffix(""))
    return out.with_suffix("")


def submitted(out: Path) -> Path:
    """The tasks with every prediction accepted, as Label Studio exports them, in a folder."""
    folder = out.parent / "corrected"
    folder.mkdir()
    tasks = json.loads(out.read_text())
    done = [{"data": task["data"], "annotations": task["predictions"]} for task in tasks]
    (folder / "tasks.json").write_text(json.dumps(done))
    return folder


def moved(out: Path) -> Path:
    """A file in a folder of its own."""
    (out.parent / "corrected").mkdir()
    return out.rename(out.parent / "corrected/instances.json").parent


BACK = {"cvat": unpacked, "label_studio": submitted, "coco": moved}
IGNORING = ("labelme", "index", "palette")
"""Formats that keep ignored pixels; in the others they become background."""


@pytest.mark.parametrize("name", [*BACK, "yolo", "labelme", "index", "palette"])
def test_every_format_for_correction_comes_back(name, label_maps, tmp_path):
    out = write(name, label_maps, tmp_path)
    items = Index.read(tmp_path / "index.tsv").items
    found = find_corrections(BACK.get(name, Path)(out), items, CLASSES).masks
    assert found.keys() == MASKS.keys()
    for image_id, labels in MASKS.items():
        wanted = labels if name in IGNORING else np.where(labels == 255, 0, labels)
        np.testing.assert_array_equal(found[image_id](), wanted)


def test_labelme_finds_the_image_from_its_file(label_maps, tmp_path):
    out = write("labelme", label_maps, tmp_path)
    document = json.loads((out / "a.json").read_text())
    assert (out / document["imagePath"]).resolve() == (tmp_path / "photos/a.jpg").resolve()
    assert (document["imageHeight"], document["imageWidth"], document["imageData"]) == (2, 3, None)
    assert {shape["label"] for shape in document["shapes"]} == set(CLASSES)
    assert all(len(shape["points"]) >= 3 for shape in document["shapes"])


def test_yolo_has_images_and_shares(label_maps, tmp_path):
    out = write("yolo", label_maps, tmp_path)
    assert (out / "images/a.jpg").read_bytes() == (tmp_path / "photos/a.jpg").read_bytes()
    assert (out / "labels/c.txt").read_text() == ""
    cats, dog = (out / "labels/a.txt").read_text().splitlines()
    assert dog == "1 0.000000 0.500000 0.000000 0.500000 0.000000 0.500000"
    assert cats.startswith("0 ") and all(0 <= float(share) <= 1 for share in cats.split()[1:])
    assert "0: cat" in (out / "data.yaml").read_text()


def test_fiftyone_reads_ids_beside_images_of_the_same_name(label_maps, tmp_path):
    """FiftyOne pairs files by their name without suffix, and reads masks with OpenCV, unchanged."""
    out = write("index", label_maps, tmp_path)
    assert {p.stem for p in out.iterdir()} == {p.stem for p in (tmp_path / "photos").iterdir()}
    for image_id, labels in MASKS.items():
        found = cv2.imread(str(out / f"{image_id}.png"), cv2.IMREAD_UNCHANGED)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, labels)
        with Image.open(tmp_path / "photos" / f"{image_id}.jpg") as image:
            assert image.size == labels.shape[::-1]
