from dataclasses import replace
from pathlib import Path

import pytest

from wsss.io.index import Index, Item
from wsss.planning.advice import advice

MANY = 30


def index(*train, names=("cat", "dog"), val=((0,),)):
    """Return an index of images with the given classes."""
    listed = [("train", classes) for classes in train] + [("val", classes) for classes in val]
    items = [Item(str(n), split, Path(str(n)), str(n), c) for n, (split, c) in enumerate(listed)]
    return Index(tuple(names), tuple(items))


def lines(found, masked=None, groups=()):
    judged = [item.image_id for item in found.items] if masked is None else masked
    return list(advice(found, judged, groups))


def test_a_balanced_data_set_needs_no_advice():
    assert lines(index(*[(0,)] * MANY, *[(1,)] * MANY)) == []


def test_a_class_on_no_image_is_left_to_the_check():
    assert lines(index(*[(0,)] * MANY, (), names=["cat", "dog"])) == []


def test_few_images_are_named_with_their_number():
    found = index(*[(0,)] * 19, *[(1,)] * 20)
    assert lines(found) == ["fewer than 20 training images: cat (19); collect 20 of each, or more"]


def test_rare_classes_are_compared_with_the_most_frequent_one():
    expected = (
        "more than 10 times rarer than dog (201 training images): cat (20); "
        "collect at least 21 of each"
    )
    assert lines(index(*[(0,)] * 20, *[(1,)] * 201)) == [expected]
    assert lines(index(*[(0,)] * 20, *[(1,)] * 200)) == []


@pytest.mark.parametrize(("images", "advised"), [(100, 50), (22, 20)])
def test_one_class_needs_images_without_it(images, advised):
    (line,) = lines(index(*[(0,)] * images, names=["cat"]))
    assert line.startswith("class 'cat' is on every training image")
    assert line.endswith(f"add about {advised} images labelled background")


def test_one_class_with_negatives_is_fine():
    assert lines(index(*[(0,)] * MANY, (), names=["cat"])) == []


def test_a_class_on_every_image_is_named():
    (line,) = lines(index(*[(0,)] * MANY, *[(0, 1)] * MANY))
    assert line.startswith("class 'cat' is on every") and line.endswith("30 images without it")


def test_classes_that_always_occur_together_are_named():
    found = index(*[(0, 2)] * MANY, *[(1,)] * MANY, names=["cat", "dog", "mouse"])
    (line,) = lines(found)
    assert line.startswith("classes cat, mouse always occur together")
    assert "about 20 images with one of them" in line


@pytest.mark.parametrize(("both", "found"), [(19, "fewer than 20"), (20, "'dog' never occurs")])
def test_a_class_that_never_occurs_alone_is_named(both, found):
    (line,) = lines(index(*[(0, 1)] * both, *[(0,)] * MANY, *[()] * MANY))
    assert found in line


def test_images_that_are_all_alike_are_named_first():
    found = index((0,), (1,), (0,))
    first, *_ = lines(found, groups=[[0, 1, 2]])
    assert first.startswith("all 3 training images show the same")


def test_edited_copies_in_train_and_val_are_named():
    found = index(*[(0,)] * MANY, *[(1,)] * MANY)
    assert lines(found, groups=[[0, 1]]) == []
    (line,) = lines(found, groups=[[0, 2 * MANY]])
    assert "in train and, scaled or edited, in val, which flatters all metrics: 1; " in line
    assert line.endswith("0 = 60")


def test_validation_without_masks_is_named():
    found = index(*[(0,)] * MANY, *[(1,)] * MANY)
    (line,) = lines(found, masked=["0"])
    assert line.startswith("split val has no masks")
    assert lines(index(*[(0,)] * MANY, *[(1,)] * MANY, val=()), masked=[]) == []


def copied(one, other):
    """Return the advice on an index in which two images have the same file."""
    found = index(*[(0,)] * MANY, *[(1,)] * MANY)
    items = [
        replace(item, digest="x") if n in (one, other) else item
        for n, item in enumerate(found.items)
    ]
    return lines(replace(found, items=tuple(items)))


def test_the_same_image_in_train_and_val_is_named():
    (line,) = copied(0, 2 * MANY)
    assert line.startswith("images both in train and in val: 1; ") and line.endswith("0 = 60")


def test_the_same_image_with_other_labels_is_named():
    assert copied(0, 1) == []
    (line,) = copied(0, MANY)
    assert line == "images that occur twice with different labels: 1; 0 = 30"
