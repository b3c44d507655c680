from pathlib import Path

from wsss.io.index import Item
from wsss.planning.labels import everywhere, never_apart, never_without, together, where


def items(*classes):
    return [Item(str(n), "train", Path(str(n)), str(n), own) for n, own in enumerate(classes)]


def test_the_images_of_a_class_are_listed():
    assert where(items((1,), (0, 1), ())) == {0: {1}, 1: {0, 1}}


def test_pairs_are_counted():
    assert together(items((0, 1), (0, 1, 2), (2,))) == {(0, 1): 2, (0, 2): 1, (1, 2): 1}


def test_classes_on_the_same_images_are_never_apart():
    images = where(items((0, 2), (0, 2), (1,)))
    assert never_apart(images) == [(0, 2)]
    assert never_without(images, 3) == []


def test_a_class_within_another_one_is_never_without_it():
    images = where(items((0, 1), (1,), ()))
    assert never_without(images, 3) == [(0, 1)]
    assert everywhere(images, 3) == []


def test_a_class_on_every_image_is_everywhere_and_nothing_else():
    images = where(items((0, 1), (1,)))
    assert everywhere(images, 2) == [1]
    assert never_without(images, 2) == []
