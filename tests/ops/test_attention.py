import cv2
import numpy as np
import pytest
import torch

from wsss.ops.attention import attention_affinity, box_mask, refine_by_attention


def plain_affinity(attention):
    """One (N, N) attention with loops over rows and columns."""
    found = attention.astype(np.float64)
    count = len(found)
    for _ in range(3):
        for column in range(count):
            found[:, column] /= found[:, column].sum()
        for row in range(count):
            found[row] /= found[row].sum()
    every = range(count)
    found = np.array([[(found[i, j] + found[j, i]) / 2 for j in every] for i in every])
    return np.array([[found[i] @ found[:, j] for j in every] for i in every])


def plain_refined(scores, affinity):
    """One map (h, w), cell by cell."""
    columns = box_mask(scores).ravel()
    flat = scores.ravel().astype(np.float64)
    found = np.array([sum(row[columns] * flat[columns]) for row in affinity])
    found = found - found.min()
    return (found / (found.max() + 1e-7)).reshape(scores.shape)


def attention_of(rng, count):
    logits = 3 * rng.standard_normal((count, count))
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


@pytest.mark.parametrize("size", [(4, 5), (1, 6), (7, 3)])
def test_equals_a_plain_implementation(size):
    rng = np.random.default_rng(0)
    attention = np.stack([attention_of(rng, size[0] * size[1]) for _ in range(2)])
    maps = rng.random((2, 3, *size)).astype(np.float32)
    affinity = attention_affinity(torch.from_numpy(attention).float())
    refined = refine_by_attention(torch.from_numpy(maps), affinity)
    for image in range(2):
        expected = plain_affinity(attention[image])
        np.testing.assert_allclose(affinity[image], expected, atol=1e-6)
        for one, found in zip(maps[image], refined[image], strict=True):
            np.testing.assert_allclose(found, plain_refined(one, expected), atol=1e-4)


def test_affinities_of_even_attention_are_even():
    affinity = attention_affinity(torch.full((1, 4, 4), 7.0))
    torch.testing.assert_close(affinity, torch.full((1, 4, 4), 0.25))


def test_affinities_are_symmetric_shares():
    attention = torch.rand(2, 12, 12) + 1e-3
    affinity = attention_affinity(attention)
    torch.testing.assert_close(affinity, affinity.mT)
    torch.testing.assert_close(affinity.sum(1), torch.ones(2, 12), atol=0.02, rtol=0)


@pytest.mark.parametrize("name", ["boxes", "corner"])
def test_boxes_by_hand(name):
    scores = np.zeros((6, 7), np.float32)
    expected = np.zeros((6, 7), bool)
    if name == "boxes":
        scores[0, 0], scores[2, 1], scores[3, 3], scores[4, 4] = 0.39, 1, 0.5, 0.5
        expected[2, 1] = expected[3:5, 3:5] = True
    else:
        scores[3:, 4:] = 1
        expected[3:5, 4:6] = True  # the last row and column are never inside
    assert np.array_equal(box_mask(scores), expected)


def test_boxes_of_an_empty_map():
    assert not box_mask(np.zeros((3, 4), np.float32)).any()


def test_boxes_of_holes_lie_within_others():
    scores = np.zeros((8, 8), np.float32)
    cv2.rectangle(scores, (1, 1), (5, 5), 1.0)
    expected = np.zeros((8, 8), bool)
    expected[1:6, 1:6] = True
    assert np.array_equal(box_mask(scores), expected)


def test_maps_spread_to_patches_that_attend_to_each_other():
    attention = torch.full((1, 9, 9), 1e-6)
    for one, other in [(0, 0), (0, 8), (8, 0), (8, 8), *((i, i) for i in range(1, 8))]:
        attention[0, one, other] = 1.0
    maps = torch.zeros(1, 1, 3, 3)
    maps[..., 0, 0] = 1
    refined = refine_by_attention(maps, attention_affinity(attention))
    assert (refined.flatten()[[0, 8]] > 0.99).all()
    assert refined.flatten()[1:8].max() < 1e-3


def test_no_map_at_all():
    affinity = attention_affinity(torch.rand(1, 4, 4))
    assert refine_by_attention(torch.zeros(1, 0, 2, 2), affinity).shape == (1, 0, 2, 2)
