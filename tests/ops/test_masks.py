"""Prompts from maps and the merge of masks, on cases that are computed by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wsss.ops.masks import class_of, merge, peaks

LABELS = np.array([[0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 2, 255]], np.uint8)


def mask(*rows):
    return np.array([[letter == "x" for letter in row] for row in rows])


@pytest.mark.parametrize(
    ("rows", "label"),
    [
        (("xx..", "xx..", "...."), 0),  # half of it has class 1: not more than half
        (("xxx.", "xxx.", "...."), 1),  # 4 of 6 pixels
        (("xxxx", "xxxx", "xxxx"), 1),  # half of it, but all of classes 1 and 2: the lower id
        (("x...", "x...", "xxx."), 2),  # 1 of 5 pixels, but all of class 2
        (("x.x.", "x...", "x..."), 0),  # 1 of 4 pixels, and 1 of the 6 of class 1
        (("x...", "x...", "xx.."), 0),  # background alone
        (("....", "....", "...x"), 0),  # ignored pixels have no class
        (("....", "....", "...."), 0),
    ],
)
def test_class_of_a_mask(rows, label):
    assert class_of(mask(*rows), LABELS) == label


def test_more_than_half_goes_before_covered():
    labels = np.array([[1, 1, 1, 1, 2]], np.uint8)
    assert class_of(np.array([[0, 0, 1, 1, 1]], bool), labels) == 1


def test_85_of_100_pixels_are_covered_and_84_are_not():
    labels = np.repeat(np.array([[1, 0]], np.uint8), [100, 400], axis=1)
    columns = np.arange(500)
    for first, label in ((15, 1), (16, 0)):
        assert class_of((columns >= first)[None], labels) == label


def test_a_mask_extends_its_class_and_smaller_masks_lie_on_it():
    whole, part = mask("xxxx", "xxxx", "...."), mask("....", "....", "xxx.")
    labels = np.array([[1, 1, 1, 0], [1, 1, 255, 0], [0, 2, 2, 3]], np.uint8)
    wanted = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [2, 2, 2, 3]], np.uint8)
    for masks in ([whole, part], [part, whole]):
        np.testing.assert_array_equal(merge(labels, masks), wanted)
    inner = mask("....", ".x..", "....")
    second = np.where(inner, 2, labels).astype(np.uint8)
    assert merge(second, [inner, whole])[1, 1] == 2


def test_the_given_label_map_stays_as_it_is():
    labels = LABELS.copy()
    merge(labels, [np.ones(labels.shape, bool)])
    np.testing.assert_array_equal(labels, LABELS)


SHAPE = (4, 5)
IDS = arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, 2, 7, 255]))
MASKS = st.lists(arrays(bool, SHAPE), max_size=5)


@settings(max_examples=60, deadline=None)
@given(IDS, MASKS)
def test_a_merge_adds_no_ids_and_changes_masked_pixels_alone(labels, masks):
    merged = merge(labels, masks)
    assert set(np.unique(merged)) <= set(np.unique(labels))
    untouched = ~np.any([np.zeros(SHAPE, bool), *masks], axis=0)
    np.testing.assert_array_equal(merged[untouched], labels[untouched])
    # no object is lost in favour of the background
    assert (merged[(labels != 0) & (labels != 255)] != 0).all()
    np.testing.assert_array_equal(merged, merge(labels, masks))
    np.testing.assert_array_equal(merge(labels, []), labels)


def test_peaks_are_the_highest_first_and_at_least_a_tenth_apart():
    score = np.zeros((20, 40), np.float32)
    score[3, 5], score[3, 8], score[15, 30], score[10, 20] = 0.5, 0.4, 0.9, 0.2
    assert peaks(score, 5).tolist() == [[15, 30], [3, 5], [10, 20]]
    assert peaks(score, 1).tolist() == [[15, 30]]


def test_a_plateau_has_peaks_in_reading_order():
    score = np.zeros((10, 30), np.float32)
    score[4, 10:15] = 1
    assert peaks(score, 9).tolist() == [[4, 10], [4, 13]]


@pytest.mark.parametrize("score", [np.zeros((5, 5)), np.full((1, 1), -1)])
def test_a_map_without_activation_has_no_peak(score):
    assert peaks(score.astype(np.float32), 3).shape == (0, 2)


def test_a_map_of_one_pixel():
    assert peaks(np.ones((1, 1), np.float32), 3).tolist() == [[0, 0]]
