"""Instances files as tools write them."""

import numpy as np
import pytest

from tests.data.fake_coco import Coco, mark, picture
from wsss.data.check import check_listing
from wsss.data.sources import coco
from wsss.errors import UserError
from wsss.io.labels import write_labels

RUNS = {"size": [6, 8], "counts": [6, 6, 36]}


@pytest.fixture
def data(tmp_path):
    return Coco(tmp_path)


def with_crowds(data, choice):
    dataset = data.dataset()
    return dataset.model_copy(update={"coco": dataset.coco.model_copy(update={"crowds": choice})})


def brush(data, marks):
    data.write(annotations=marks)
    return data.dataset()


def test_a_file_of_crowds_is_asked_about(data):
    dataset = brush(data, [mark(1, 3, RUNS, crowd=1)])
    (found,) = coco.read(dataset, data.root).problems
    assert "1 of 1 regions" in found and "dataset.coco.crowds" in found
    with pytest.raises(UserError, match=r"dataset\.coco\.crowds"):
        coco.masks(dataset, data.root, "train")


def test_a_brush_beside_polygons_is_warned_about(data):
    listing = coco.read(brush(data, [mark(1, 3), mark(2, 7, RUNS, crowd=1, number=2)]), data.root)
    assert not listing.problems and "1 of 2 regions" in listing.warnings[0]


@pytest.mark.parametrize("choice, value", [("objects", 1), ("ignore", 255)])
def test_the_user_says_what_crowds_are(data, choice, value):
    brush(data, [mark(1, 3, RUNS, crowd=1)])
    dataset = with_crowds(data, choice)
    assert not coco.read(dataset, data.root).problems
    assert set(np.unique(coco.masks(dataset, data.root, "train")["train__1"]())) == {0, value}


def labels_of_masks(data, folder, marks):
    """Labels of the first image, read off the masks that are drawn of its regions."""
    brush(data, marks)
    dataset = with_crowds(data, "ignore").model_copy(update={"labels_from": "masks"})
    drawn = {}
    for split in ("train", "val"):
        for image_id, draw in coco.masks(dataset, data.root, split).items():
            drawn[image_id] = folder / f"{image_id}-mask.png"
            write_labels(drawn[image_id], draw())
    index, _ = check_listing(coco.read(dataset, data.root), dataset, 1, drawn)
    return [index.class_names[number] for number in index.items[0].classes]


def test_a_labelled_image_of_a_crowd_is_no_negative(data, tmp_path):
    with pytest.raises(UserError, match="only 0 and 255"):
        labels_of_masks(data, tmp_path, [mark(1, 3, RUNS, crowd=1)])


def test_a_crowd_beside_a_polygon_keeps_its_label(data, tmp_path):
    marks = [mark(1, 3), mark(1, 7, RUNS, crowd=1, number=2)]
    assert labels_of_masks(data, tmp_path, marks) == ["cat", "dog"]


def test_a_labelled_image_whose_regions_are_empty_is_warned_about(data, tmp_path, caplog):
    thin = [[1.1, 1.1, 1.2, 1.1, 1.2, 1.2]]
    assert labels_of_masks(data, tmp_path, [mark(1, 3, thin), mark(2, 7, number=2)]) == []
    assert "1 labelled images count as background" in caplog.text


@pytest.mark.parametrize("annotated", [3, 7])
def test_a_root_category_is_no_class(data, annotated):
    below = [
        {**c, "supercategory": "pets"} for c in ({"id": 3, "name": "cat"}, {"id": 7, "name": "dog"})
    ]
    data.categories([{"id": 0, "name": "pets", "supercategory": "none"}, *below], annotated)
    listing = data.read()
    assert listing.names == ("cat", "dog") and not listing.problems


def test_a_single_class_has_a_root_of_its_name(data):
    both = [{"id": 0, "name": "fire", "supercategory": "none"}]
    data.categories([*both, {"id": 1, "name": "fire", "supercategory": "fire"}], 1)
    listing = data.read()
    assert listing.names == ("fire",) and not listing.problems


def test_an_annotated_root_is_a_class(data):
    names = [{"id": 0, "name": "pet"}, {"id": 3, "name": "cat", "supercategory": "pet"}]
    data.categories(names, 0)
    assert data.read().names == ("pet", "cat")


def test_a_class_of_its_own_name_is_no_root(data):
    names = [{"id": 1, "name": "person", "supercategory": "person"}, {"id": 3, "name": "cat"}]
    data.categories(names, 3)
    assert data.read().names == ("person", "cat")


@pytest.mark.parametrize(
    "written", ["{root}/train/a/1.png", "a\\1.png", ".\\a\\1.png", "../train/a/1.png", "./a/1.png"]
)
def test_a_path_inside_the_folder_is_read(data, written):
    (data.root / "train/a").mkdir()
    (data.root / "train/1.png").rename(data.root / "train/a/1.png")
    data.write(images=[picture(1, written.format(root=data.root)), picture(2)])
    listing = data.read()
    assert not listing.problems and str(listing.records[0].image) == "train/a/1.png"


@pytest.mark.parametrize(
    "written", ["/elsewhere/1.png", "..\\1.png", "C:\\a\\1.png", "../1.png", "."]
)
def test_a_path_elsewhere_is_named(data, written):
    data.write(images=[picture(1, written), picture(2)])
    assert any("leads out of the folder" in line for line in data.read().problems)
