import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.export.conftest import MASKS
from tests.export.tool import ask, needs_tools
from wsss.errors import UserError
from wsss.export import cvat

READ = """
import json, sys, zipfile
from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset
zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])
data = Dataset.import_from(sys.argv[2], "voc_instance_segmentation")
names = [label.name for label in data.categories()[AnnotationType.label]]
found = {
    item.id: {names[mask.label]: mask.image.astype(int).tolist() for mask in item.annotations}
    for item in data
}
print(json.dumps(found))
"""


def pixels(archive, name):
    return np.asarray(Image.open(io.BytesIO(archive.read(name))))


def test_the_archive_is_as_documented(label_maps, tmp_path, caplog):
    cvat.write(label_maps, tmp_path / "out.zip")
    archive = zipfile.ZipFile(tmp_path / "out.zip")
    lines = archive.read("labelmap.txt").decode().splitlines()
    assert lines[1:] == ["background:0,0,0::", "cat:128,0,0::", "dog:0,128,0::"]
    assert archive.read("ImageSets/Segmentation/default.txt") == b"a\nb\nc\n"
    colours = pixels(archive, "SegmentationClass/a.png")
    assert colours[0].tolist() == [[0, 0, 0], [128, 0, 0], [128, 0, 0]]
    objects = pixels(archive, "SegmentationObject/b.png")
    assert objects[:, 0].tolist() == [[0, 128, 0], [0, 0, 0], [128, 0, 0]]
    assert "masks with ignored pixels, which became background: 1" in caplog.text


def test_objects_are_counted_per_image(make, tmp_path):
    cvat.write(make({"a": np.array([[0, 2, 2]], np.uint8)}), tmp_path / "out.zip")
    archive = zipfile.ZipFile(tmp_path / "out.zip")
    assert pixels(archive, "SegmentationObject/a.png")[0].tolist() == [
        [0, 0, 0],
        *[[128, 0, 0]] * 2,
    ]


@needs_tools
def test_datumaro_reads_the_same_masks(label_maps, tmp_path):
    cvat.write(label_maps, tmp_path / "out.zip")
    found = ask(READ, tmp_path / "out.zip", tmp_path / "unpacked")
    for name, labels in MASKS.items():
        shown = {k: v for k, v in (("cat", labels == 1), ("dog", labels == 2)) if v.any()}
        assert found[name] == {kind: region.astype(int).tolist() for kind, region in shown.items()}


@pytest.mark.parametrize("name", ["a:b", "#a", " a"])
def test_class_names_that_break_the_list_are_refused(make, tmp_path, name):
    with pytest.raises(UserError, match="labelmap"):
        cvat.write(make(classes=("cat", name)), tmp_path / "out.zip")


def test_image_names_that_break_the_list_are_refused(make, tmp_path):
    with pytest.raises(UserError, match="not possible in CVAT's list"):
        cvat.write(make({"#a": MASKS["a"]}), tmp_path / "out.zip")


def test_only_a_zip_will_do(label_maps, tmp_path):
    with pytest.raises(UserError, match=r"ends in \.zip"):
        cvat.write(label_maps, tmp_path / "out.tar")
