import shutil

import numpy as np
import pytest

from tests.data.fake_coco import OFFICIAL, OWN, SQUARE, Coco, mark
from wsss.data.sources import coco
from wsss.errors import UserError


@pytest.fixture
def data(tmp_path):
    return Coco(tmp_path)


def test_labels_are_the_categories_of_the_annotations(data):
    listing = data.read()
    assert listing.problems == [] and listing.names == ("cat", "dog")
    assert [(str(r.image), r.split, r.labels) for r in listing.records] == [
        ("train/1.png", "train", ("cat",)),
        ("train/2.png", "train", ("background",)),
        ("val/11.png", "val", ("cat",)),
        ("val/12.png", "val", ("background",)),
    ]
    assert listing.records[0].where == "train.json: image 1"


def test_images_without_annotations_are_counted(data, caplog):
    with caplog.at_level("INFO", "wsss"):
        data.read()
    assert "train.json: 2 images, 1 of them show none of the classes" in caplog.text


def test_ninety_ids_become_eighty_classes(data):
    data.categories(list(reversed(OFFICIAL)), 90)
    listing = data.read()
    assert listing.problems == [] and len(listing.names) == 80
    assert (listing.names[11], listing.names[79]) == ("stop sign", "toothbrush")
    assert data.masks()["train__1"].max() == 80


def test_other_ids_of_the_official_names_are_named(data):
    data.categories([{"id": n, "name": c["name"]} for n, c in enumerate(OFFICIAL, 1)], 1)
    problem, _ = data.read().problems
    assert problem == (
        "train.json: categories: 'stop sign' of MS-COCO's 80 classes has the id 12 instead of 13; "
        "use the official ids 1..90"
    )


def test_configured_classes_select_and_order(data):
    data.write(annotations=[mark(1, 3), mark(2, 7)])
    listing = data.read(["dog"])
    assert [r.labels for r in listing.records[:2]] == [("background",), ("dog",)]
    assert data.masks(classes=["dog", "cat"])["train__1"].max() == 2


def test_a_configured_class_that_is_no_category_is_named(data):
    expected = "dataset.classes: 'dgo' is no category of train.json; did you mean dog?"
    assert data.read(["cat", "dgo"]).problems == [expected]


def test_a_category_called_background_is_no_class(data):
    data.categories([*OWN, {"id": 0, "name": "background"}], 0)
    listing = data.read()
    assert listing.names == ("cat", "dog") and listing.records[0].labels == ("background",)


def test_a_crowd_is_a_label(data):
    data.write(annotations=[mark(2, 7, crowd=1)])
    assert data.read().records[1].labels == ("dog",)


def test_labels_alone_have_no_masks(data):
    data.write(annotations=[mark(1, 3, None), mark(2, 7, [])])
    assert [r.labels for r in data.read().records[:2]] == [("cat",), ("dog",)]
    assert data.drawn() == {}


def test_an_image_with_a_region_missing_has_no_mask(data):
    data.write(annotations=[mark(1, 3), mark(1, 7, None)])
    assert list(data.drawn()) == ["train__2"]


def test_masks_have_the_ids_of_the_listing(data):
    ids = [data.read().ids, [*data.drawn("train"), *data.drawn("val")]]
    assert ids[0] == ids[1] == ["train__1", "train__2", "val__11", "val__12"]


def test_an_image_without_annotations_is_background(data):
    assert data.masks()["train__2"].tolist() == np.zeros((6, 8)).tolist()


def test_a_polygon_becomes_the_label_of_its_class(data):
    data.write(annotations=[mark(1, 7)])
    expected = np.zeros((6, 8), np.uint8)
    expected[1:4, 1:4] = 2
    assert data.masks()["train__1"].tolist() == expected.tolist()


def test_the_smaller_instance_is_on_top_of_larger_ones_and_crowds(data):
    whole, half = [[0, 0, 8, 0, 8, 6, 0, 6]], [[0, 0, 4, 0, 4, 6, 0, 6]]
    data.write(annotations=[mark(1, 7, SQUARE), mark(1, 3, half), mark(1, 3, whole, crowd=1)])
    labels = data.masks()["train__1"]
    assert (labels[2, 2], labels[0, 0], labels[5, 7]) == (2, 1, 255)


def test_a_missing_folder_is_named(data):
    shutil.rmtree(data.root / "val")
    with pytest.raises(UserError, match=r"dataset\.coco\.images\.val: .*val is not a folder"):
        data.read()


def test_one_file_for_two_splits_is_refused(data):
    dataset = data.dataset()
    dataset.coco.annotations["val"] = "train.json"
    with pytest.raises(UserError, match="a file of its own for every split"):
        coco.read(dataset, data.root)


def test_a_split_without_file_is_named(data):
    dataset = data.dataset()
    del dataset.coco.annotations["val"]
    with pytest.raises(UserError, match="must name the split val"):
        coco.read(dataset, data.root)


def test_the_outline_names_the_files_without_reading_the_tables(data):
    (data.root / "train.json").write_text("broken")
    records = coco.outline(data.dataset(), data.root).records
    assert [str(r.image) for r in records if r.split == "val"] == ["val/11.png", "val/12.png"]
