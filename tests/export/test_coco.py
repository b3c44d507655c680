import contextlib
import io
import json
from pathlib import PurePosixPath

import numpy as np
import pytest
from pycocotools.coco import COCO

from tests.export.conftest import CLASSES, MASKS
from wsss.errors import UserError
from wsss.export import coco
from wsss.export.label_maps import open_label_maps


def opened(path):
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(path)


def drawn(data, image, size):
    labels = np.zeros(size, np.uint8)
    for annotation in data.imgToAnns[image]:
        labels[data.annToMask(annotation) > 0] = annotation["category_id"]
    return labels


def test_pycocotools_draws_the_same_masks(label_maps, tmp_path):
    coco.write(label_maps, tmp_path / "out.json")
    data = opened(tmp_path / "out.json")
    assert [kind["name"] for kind in data.loadCats([1, 2])] == list(CLASSES)
    for image, (name, labels) in enumerate(MASKS.items(), 1):
        entry = data.imgs[image]
        assert (entry["file_name"], entry["height"], entry["width"]) == (
            f"{name}.jpg",
            *labels.shape,
        )
        np.testing.assert_array_equal(drawn(data, image, labels.shape), labels * (labels < 255))


def test_boxes_and_areas_by_hand(label_maps, tmp_path):
    coco.write(label_maps, tmp_path / "out.json")
    found = [(a["image_id"], a["category_id"]) for a in opened(tmp_path / "out.json").anns.values()]
    assert found == [(1, 1), (1, 2), (2, 1), (2, 2)]
    cat = opened(tmp_path / "out.json").anns[1]
    assert (cat["area"], cat["bbox"]) == (3, [1, 0, 2, 2])


def truth(path, images, names=("dog", "cat")):
    kinds = [{"id": 17 + n, "name": name} for n, name in enumerate(names)]
    sizes = [MASKS[PurePosixPath(file).stem].shape for file in images]
    files = [
        {"id": 90 + n, "file_name": file, "height": height, "width": width}
        for n, (file, (height, width)) in enumerate(zip(images, sizes, strict=True))
    ]
    path.write_text(json.dumps({"images": files, "categories": kinds, "annotations": []}))
    return path


def test_results_take_the_ids_of_the_truth(label_maps, tmp_path):
    path = truth(tmp_path / "truth.json", ["val/c.png", "val/b.png", "val/a.png"])
    coco.write(label_maps, tmp_path / "out.json", path)
    with contextlib.redirect_stdout(io.StringIO()):
        results = opened(path).loadRes(str(tmp_path / "out.json"))
    assert {a["score"] for a in results.anns.values()} == {1}
    swap = np.array([0, 18, 17], np.uint8)
    for image, name in ((90, "c"), (91, "b"), (92, "a")):
        wanted = swap[MASKS[name] * (MASKS[name] < 255)]
        np.testing.assert_array_equal(drawn(results, image, wanted.shape), wanted)


@pytest.mark.parametrize(
    ("images", "names", "text"),
    [
        (["a.jpg", "b.jpg"], CLASSES, "no image of its own for c.jpg"),
        (["a.jpg", "1/b.jpg", "2/b.jpg", "c.jpg"], CLASSES, "no image of its own for b.jpg"),
        (["a.jpg", "b.jpg", "c.jpg"], ("cat", "cow"), "has no category 'dog'"),
    ],
)
def test_a_truth_that_does_not_fit_is_refused(label_maps, tmp_path, images, names, text):
    path = truth(tmp_path / "truth.json", images, names)
    with pytest.raises(UserError, match=text):
        coco.write(label_maps, tmp_path / "out.json", path)
    assert not (tmp_path / "out.json").exists()


def test_a_truth_of_other_sizes_is_refused(label_maps, tmp_path):
    path = truth(tmp_path / "truth.json", ["a.jpg", "b.jpg", "c.jpg"])
    path.write_text(path.read_text().replace('"height": 3', '"height": 4'))
    with pytest.raises(UserError, match=r"b\.jpg is"):
        coco.write(label_maps, tmp_path / "out.json", path)


def test_empty_results_are_named(make, tmp_path, caplog):
    nothing = make({"a": MASKS["c"], "b": MASKS["c"]})
    images = [{"id": n, "file_name": f"{n}.jpg"} for n in "ab"]
    kinds = [{"id": 1, "name": name} for name in CLASSES]
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({"images": images, "categories": kinds}))
    coco.write(nothing, tmp_path / "out.json", path)
    assert "the results are empty" in caplog.text


@pytest.mark.parametrize("text", ["", "[]", '{"images": [{"id": 1}]}'])
def test_a_truth_that_is_none_is_refused(label_maps, tmp_path, text):
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(UserError, match="cannot be read as COCO annotations"):
        coco.write(label_maps, tmp_path / "out.json", tmp_path / "truth.json")


def test_unknown_photographs_go_by_their_ids(label_maps, tmp_path, caplog):
    (tmp_path / "masks/classes.txt").write_text("background\ncat\ndog\n")
    coco.write(open_label_maps([tmp_path / "masks"], [], None), tmp_path / "out.json")
    assert opened(tmp_path / "out.json").imgs[1]["file_name"] == "a"
    assert "without suffix" in caplog.text
