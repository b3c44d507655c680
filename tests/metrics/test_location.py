import numpy as np
import pytest

from wsss.metrics.location import (
    boundaries,
    edge_contrast,
    refiner_agreement,
    stability,
)


def halves(height=40, width=60, left=40, right=220):
    """An image of two halves."""
    image = np.full((height, width, 3), left, np.uint8)
    image[:, width // 2 :] = right
    return image


def test_stability_of_masks_is_their_jaccard_index_with_the_mean():
    mean = np.array([[[1.0, 1.0, 0.0]]])
    views = [np.array([[[1.0, 0.0, 0.0]]]), np.array([[[1.0, 1.0, -1.0]]])]
    assert stability(views, mean) == pytest.approx((1 / 2 + 1) / 2)


def test_stability_of_soft_maps_is_counted_by_hand():
    views = [np.array([[[0.5, 0.1]]]), np.array([[[0.2, 0.2]]])]
    # 0.4 / 0.7 and 0.4 / 0.6
    assert stability(views, np.array([[[0.3, 0.3]]])) == pytest.approx((0.4 / 0.8 + 0.4 / 0.6) / 2)


def test_a_single_view_has_no_stability_and_maps_of_zeros_none_at_all():
    one = np.ones((1, 2, 2))
    assert stability([one], one) is None
    assert stability([one[:0], one[:0]], one[:0]) is None
    assert stability([0 * one, 0 * one], 0 * one) == 0


def test_boundaries_are_left_of_and_above_another_label():
    labels = np.array([[0, 0, 1], [0, 255, 1], [2, 2, 1]], np.uint8)
    assert boundaries(labels).tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(("column", "contrast"), [(30, 1), (32, -1), (10, 0)])
def test_the_contrast_of_boundaries_on_an_edge_and_beside_it(column, contrast):
    labels = np.zeros((40, 60), np.uint8)
    labels[:, column:] = 1
    assert edge_contrast(halves(), labels, [1]) == contrast
    assert edge_contrast(halves(left=90, right=90), labels, [1]) == 0


@pytest.mark.parametrize(("ids", "value"), [([1], 0.0), ([], None)])
def test_masks_without_an_object_are_not_the_best(ids, value):
    nothing = np.zeros((40, 60), np.uint8)
    assert edge_contrast(halves(), nothing, ids) == value
    scores = np.stack([np.ones((10, 15)), *np.zeros((len(ids), 10, 15))]).astype(np.float32)
    assert refiner_agreement(halves(), scores, ids) == value


def test_refiners_agree_on_maps_that_follow_the_image():
    sharp = np.zeros((2, 40, 60), np.float32)
    sharp[0, :, :30] = sharp[1, :, 30:] = 0.8
    sharp[0, :, 30:] = sharp[1, :, :30] = 0.2
    noise = np.random.default_rng(0).random((2, 40, 60), np.float32)
    assert refiner_agreement(halves(), sharp, [7]) > 0.95
    assert refiner_agreement(halves(), noise, [7]) < 0.9


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2)])
def test_small_images(size):
    image, labels = np.zeros((*size, 3), np.uint8), np.ones(size, np.uint8)
    assert edge_contrast(image, labels, [1]) == 0
    found = refiner_agreement(image, np.full((2, *size), 0.5, np.float32), [1])
    assert 0 <= found <= 1
