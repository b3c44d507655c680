import cv2
import numpy as np
import pytest

from wsss.data.alike import alike, thumbnail


def photo(seed, size=(60, 80)):
    """A picture of large coloured spots."""
    spots = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return cv2.resize(spots, size[::-1], interpolation=cv2.INTER_CUBIC)


def test_copies_are_found_whatever_their_size():
    photos = [photo(0), photo(1), photo(0, (150, 200)), photo(2), photo(1)]
    assert alike(list(map(thumbnail, photos))) == [[0, 2], [1, 4]]


def test_a_copy_of_a_copy_is_in_the_group():
    steps = [np.full((9, 9, 3), level, np.uint8) for level in (100, 103, 106, 200)]
    assert alike(list(map(thumbnail, steps))) == [[0, 1, 2]]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_is_alike_to_itself(count):
    assert alike([thumbnail(photo(0))] * count) == []


def test_a_thumbnail_holds_mean_colours():
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:2, :2] = [[[0, 0, 4], [0, 0, 8]], [[0, 0, 12], [0, 0, 16]]]
    assert thumbnail(pixels)[:3] == bytes([0, 0, 10])
