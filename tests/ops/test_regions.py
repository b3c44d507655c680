import numpy as np
import pytest

from wsss.ops.regions import regions, without_strays

LABELS = np.array(
    [
        [1, 1, 1, 0, 0, 0, 2],
        [1, 2, 1, 0, 1, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 255, 255],
        [2, 2, 0, 0, 0, 255, 1],
    ],
    np.uint8,
)


def test_regions_are_counted_by_class_the_largest_first():
    found = [[(r.label, r.area, int(r.inside.sum())) for r in one] for one in regions(LABELS)]
    assert found == [[(1, 8, 8), (1, 1, 1), (1, 1, 1)], [(2, 2, 2), (2, 1, 1), (2, 1, 1)]]
    assert not list(regions(np.array([[0, 255]], np.uint8)))


def test_stray_regions_take_the_label_around_them():
    cleaned = without_strays(LABELS, 2 / 35)
    changed = {tuple(place): cleaned[tuple(place)] for place in np.argwhere(cleaned != LABELS)}
    # inside class 1, in the background twice, in the ignored corner
    assert changed == {(1, 1): 1, (1, 4): 0, (0, 6): 0, (4, 6): 255}


def test_small_holes_are_filled():
    ring = np.pad(np.zeros((1, 2), np.uint8), 1, constant_values=3)
    labels = np.pad(ring, 2)
    np.testing.assert_array_equal(without_strays(labels, 2 / labels.size), labels)
    filled = without_strays(labels, 3 / labels.size)
    assert (filled != labels).sum() == 2 and (filled == 3).sum() == 12


@pytest.mark.parametrize(("least", "changes"), [(0, 0), (1 / 35, 0), (2 / 35, 4), (1, 4)])
def test_regions_of_that_share_and_the_largest_of_a_class_stay(least, changes):
    cleaned = without_strays(LABELS, least)
    assert (cleaned != LABELS).sum() == changes and {1, 2} <= set(cleaned.ravel().tolist())


def test_a_map_of_one_label_stays():
    labels = np.full((3, 3), 1, np.uint8)
    np.testing.assert_array_equal(without_strays(labels, 1), labels)
