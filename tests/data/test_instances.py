import re

import pytest

from tests.data.fake_coco import OWN, Coco, mark, picture
from wsss.errors import UserError


@pytest.fixture
def data(tmp_path):
    return Coco(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": [picture(1), picture(1, "2.png")]}, "images[1]: id 1 is already that of 1.png"),
        ({"images": [picture(1), {"id": 2}]}, "images[1]: no file_name"),
        ({"images": [picture(1), picture("2")]}, "images[1]: id '2' is no whole number"),
        ({"images": [picture(1), picture(2, 5)]}, "images[1]: file_name 5 is no path"),
        ({"images": [picture(1), picture(2, "../2.png")]}, "leads out of the folder"),
        ({"images": [picture(1), picture(2, "/2.png")]}, "leads out of the folder"),
        ({"images": [picture(1), picture(2, size=(0, 8))]}, "height 0 and width 8 must be"),
        ({"annotations": [mark(99, 3)]}, "1 annotations of image 99, which is not in images"),
        ({"annotations": [mark(1, 5)]}, "annotations of category 5, which is not in categories"),
        ({"annotations": [mark(1, "3")]}, "annotations[0]: image_id and category_id must be"),
        ({"annotations": [{"image_id": 1}]}, "annotations[0]: image_id and category_id must be"),
        ({"annotations": [None]}, "annotations[0]: image_id and category_id must be"),
        ({"categories": [*OWN, {"id": 3, "name": "x"}]}, "id 3 of 'x' is already that of 'cat'"),
        ({"categories": [*OWN, {"id": 9, "name": "cat"}]}, "categories[2]: 'cat' occurs twice"),
        ({"categories": [*OWN, {"id": 9}]}, "categories[2]: no name"),
        ({"categories": [*OWN, {"id": "9", "name": "x"}]}, "id '9' of 'x' is no whole number"),
        ({"categories": OWN[1:]}, "val.json: other categories than in train.json"),
    ],
)
def test_wrong_entries_are_named(data, change, message):
    data.write(**change)
    found = [line for line in data.read().problems if message in line]
    assert len(found) == 1 and re.match("(train|val).json: ", found[0]), data.read().problems


def test_annotations_of_a_refused_image_are_no_mistake_of_their_own(data):
    data.write(images=[picture(1, "../1.png"), picture(2)])
    (problem,) = data.read().problems
    assert "leads out of the folder" in problem


def test_many_mistakes_are_cut_short(data):
    data.write(annotations=[mark(number, 3) for number in range(100, 150)])
    *_, last = problems = data.read().problems
    assert len(problems) == 21 and last == "train.json: 30 more mistakes in annotations"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON .*cut off"),
        ('{"images": [{"id": 1, "file_na', "not valid JSON .*cut off"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "no list 'images'"),
        ('{"images": [], "annotations": []}', "no list 'categories'"),
        ('{"images": {}, "annotations": [], "categories": []}', "no list 'images'"),
    ],
)
def test_a_file_that_cannot_be_understood_is_named(data, text, message):
    (data.root / "val.json").write_text(text)
    with pytest.raises(UserError, match=rf"val\.json: {message}"):
        data.read()


def test_a_file_that_is_no_text_is_named(data):
    (data.root / "val.json").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(UserError, match=r"val\.json: not UTF-8"):
        data.read()


def test_a_missing_file_is_named(data):
    (data.root / "val.json").unlink()
    with pytest.raises(UserError, match=r"val\.json: cannot be read"):
        data.read()


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([[1, 1, 2, 2]], "a polygon of 4 numbers"),
        ([[1, 1, 2, 2, 3, 3, 4]], "a polygon of 7 numbers"),
        ([1, 1, 2, 2, 3, 3], "is no list of polygons"),
        ([["a"] * 6], "is no list of polygons"),
        ([[1, 1, 2, 2, 3, 1e9]], "a point far outside the image of 8 x 6"),
        ([[1, 1, 2, 2, 3, float("nan")]], "a point far outside"),
        ({"size": [8, 6], "counts": [48]}, "of the size [8, 6], its image of [6, 8]"),
        ({"size": [6, 8], "counts": [40]}, "run lengths of 40 pixels, its image has 48"),
        ({"size": [6, 8], "counts": [50, -2]}, "run lengths that are no whole numbers"),
        ({"size": [6, 8], "counts": [46.5, 1.5]}, "run lengths that are no whole numbers"),
        ({"size": [6, 8], "counts": [47, True]}, "run lengths that are no whole numbers"),
        ({"size": [6, 8]}, "has no run lengths"),
        ({"size": [6, 8], "counts": "o"}, "damaged run lengths (cut off)"),
        ({"size": [6, 8], "counts": " "}, "damaged run lengths (the character ' ')"),
        (True, "is no list of polygons"),
    ],
)
def test_a_region_that_cannot_be_drawn_is_named(data, shape, message):
    data.write(annotations=[mark(1, 3, shape, number=5)])
    with pytest.raises(UserError, match=re.escape(message)) as error:
        data.drawn()
    assert "\ntrain.json: image 1: the segmentation of annotation 5 " in str(error.value)


def test_regions_need_the_size_of_their_image(data):
    data.write(images=[{"id": 1, "file_name": "1.png"}])
    with pytest.raises(UserError, match=r"train\.json: image 1: no height and width"):
        data.drawn()


def test_the_size_of_an_image_is_that_of_its_file(data):
    data.write(images=[picture(1, size=(8, 6))])
    message = r"train\.json: image 1: height and width are \[8, 6\], but .*1\.png has \[6, 8\]"
    with pytest.raises(UserError, match=message):
        data.drawn()


def test_wrong_labels_stop_the_masks(data):
    data.write(annotations=[mark(99, 3), mark(1, 3)])
    with pytest.raises(UserError, match="annotations of image 99"):
        data.drawn()


def test_a_changed_file_is_read_again(data):
    data.read()
    data.write(annotations=[])
    assert data.read().records[0].labels == ("background",)


def test_doubled_annotation_ids_are_reported(data, caplog):
    data.write(annotations=[mark(1, 3), mark(2, 7)])
    data.read()
    assert "train.json: 1 annotation ids occur more than once" in caplog.text


def test_categories_that_look_alike_stand_there_twice(data):
    accents = [{"id": 8, "name": "caf\u00e9"}, {"id": 9, "name": "cafe\u0301"}]
    data.write(categories=[*OWN, *accents])
    assert any("categories[3]" in line and "twice" in line for line in data.read().problems)
