import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.export.conftest import MASKS
from wsss.errors import UserError
from wsss.export.label_maps import open_label_maps
from wsss.io.index import Index, Item
from wsss.io.labels import LabelWriter


def refused(text):
    return pytest.raises(UserError, match=re.escape(text))


def test_masks_come_in_the_order_of_the_index_with_file_names(label_maps):
    assert [(p.file, p.stem) for p, _ in label_maps] == [(f"{k}.jpg", k) for k in MASKS]
    for item, labels in label_maps:
        np.testing.assert_array_equal(labels, MASKS[item.image_id])
    assert label_maps.made == ('{"version":"0"}',)


def test_files_are_named_below_the_folder_common_to_all(make, tmp_path):
    make()
    (tmp_path / "photos/in").mkdir()
    index = Index.read(tmp_path / "index.tsv")
    moved = (tmp_path / "photos/a.jpg").rename(tmp_path / "photos/in/x.y.jpg")
    items = (Item("a", "val", moved, "0", ()), *index.items[1:])
    Index(index.class_names, items).write(tmp_path / "index.tsv")
    opened = open_label_maps([tmp_path / "masks"], [tmp_path / "index.tsv"], None)
    assert [p.stem for p in opened.items] == ["in/x.y", "b", "c"]


def test_results_of_predict_bring_their_classes(label_maps, tmp_path, caplog):
    (tmp_path / "masks/classes.txt").write_text("background\ncat\ndog\n")
    found = open_label_maps([tmp_path / "masks"], [], None)
    assert found.class_names == ("cat", "dog") and found.items[0].file == "a"
    assert "sizes are not compared" in caplog.text
    photos = {key: tmp_path / f"photos/{key}.jpg" for key in MASKS}
    assert open_label_maps([tmp_path / "masks"], [], photos).items == label_maps.items


def test_missing_or_odd_class_names_are_named(label_maps, tmp_path):
    with refused("names of the classes are needed"):
        open_label_maps([tmp_path / "masks"], [], None)
    for text in ("cat\ndog\n", "background\n", "background\ncat\ncat\n"):
        (tmp_path / "masks/classes.txt").write_text(text)
        with refused("must hold background, then the classes"):
            open_label_maps([tmp_path / "masks"], [], None)


def test_the_white_of_16_bit_samples_is_that_of_the_index_or_the_prediction(make, tmp_path):
    make()
    index = Index.read(tmp_path / "index.tsv")
    items = tuple(replace(item, white=4095) for item in index.items)
    Index(index.class_names, items).write(tmp_path / "index.tsv")
    opened = open_label_maps([tmp_path / "masks"], [tmp_path / "index.tsv"], None)
    assert {item.white for item in opened.items} == {4095}
    with LabelWriter(tmp_path / "labels.tsv", '{"white":1023}') as out:
        out.put("a", np.zeros((2, 2), np.uint8))
    (tmp_path / "classes.txt").write_text("background\ncat\n")
    (item,) = open_label_maps([tmp_path], [], {"a": tmp_path / "photos/a.jpg"}).items
    assert item.white == 1023


@pytest.mark.parametrize("names", ["cat", "dog\ncat", "cat\ndoc"])
def test_classes_are_compared_with_those_of_the_prediction(tmp_path, names):
    made = '{"command":"predict","labels":["background","cat","dog"]}'
    with LabelWriter(tmp_path / "labels.tsv", made) as out:
        out.put("a", np.zeros((2, 2), np.uint8))
    (tmp_path / "classes.txt").write_text("background\ncat\ndog\n")
    assert open_label_maps([tmp_path], [], None).class_names == ("cat", "dog")
    (tmp_path / "classes.txt").write_text(f"background\n{names}\n")
    with pytest.raises(UserError, match=r"classes\.txt: not the .*: background, cat, dog$"):
        open_label_maps([tmp_path], [], None)


def test_a_label_beyond_the_classes_is_named(make):
    with refused("image a: its mask holds label 2, but the labels end at 1; give"):
        list(make(classes=("cat",)))


def test_a_mask_of_another_size_is_named(label_maps, tmp_path):
    Image.new("RGB", (5, 4)).save(tmp_path / "photos/b.jpg")
    with refused("photos/b.jpg: the image is 5 x 4 pixels, its mask 2 x 3"):
        list(label_maps)


def test_a_record_without_its_files_is_named(label_maps, tmp_path):
    (tmp_path / "masks/b.png").unlink()
    with refused("b.png: cannot be read"):
        list(label_maps)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("abcd", "label maps of no image of the index: 1"),
        ("ab", "images of the index without a label map: 1"),
    ],
)
def test_index_and_masks_must_be_of_the_same_images(label_maps, tmp_path, given, text):
    with LabelWriter(tmp_path / "masks/labels.tsv") as out:
        for name in given:
            out.put(name, MASKS["c"])
    with refused(text):
        open_label_maps([tmp_path / "masks"], [tmp_path / "index.tsv"], None)


def test_an_empty_record_is_refused(tmp_path):
    with LabelWriter(tmp_path / "labels.tsv"):
        pass
    with refused("holds no label map"):
        open_label_maps([tmp_path], [], None)


@pytest.mark.parametrize("name", ["a\tb", "a\x1bb", " a", ".a", "a\\b"])
def test_ids_that_are_no_file_names_are_refused(tmp_path, name):
    (tmp_path / "classes.txt").write_text("background\ncat\n")
    with LabelWriter(tmp_path / "labels.tsv") as out:
        out.put(name, MASKS["c"])
    with pytest.raises(UserError):
        open_label_maps([tmp_path], [], None)


def test_masks_that_are_not_there_are_named(tmp_path):
    with pytest.raises(
        UserError, match="none: no such file or folder; if these are masks of a run"
    ):
        open_label_maps([tmp_path / "none"], [], None)
