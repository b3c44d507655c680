"""Metrics, pictures and signs of failure of a classifier that is being trained."""

import numpy as np
import pytest
import torch

from wsss.stages.classifier_validation import classified, draw_maps


def measured(logits, labels):
    batches = [
        {"image": torch.tensor(logits[:1]), "label": torch.tensor(labels[:1])},
        {"image": torch.tensor(logits[1:]), "label": torch.tensor(labels[1:])},
    ]
    return classified(torch.nn.Identity(), batches)


def test_metrics_are_means_over_present_classes():
    found = measured([[2.0, -1, 0], [1, 1, 0], [-1, 2, 0]], [[1.0, 0, 0], [0, 1, 0], [1, 0, 0]])
    # the first class has ranks 1 and 3 of 3, the second rank 2, the third no image
    assert found.metrics["mAP"] == pytest.approx(((1 + 2 / 3) / 2 + 1 / 2) / 2)
    # of the first one of two found is right, of the second one of two
    assert found.metrics["F1"] == pytest.approx((2 * 1 / 4 + 2 * 1 / 3) / 2)


def test_images_without_labels_have_no_metric():
    assert measured([[1.0], [2.0]], [[0.0], [0.0]]) == ({}, {})


LABELS = [[1.0, 0]] * 4 + [[0.0, 1]] * 4
RIGHT = [[3.0, -3]] * 4 + [[-3.0, 3]] * 4


@pytest.mark.parametrize(
    ("logits", "labels", "signs"),
    [
        (RIGHT, LABELS, []),
        # the order of the images is right, whatever the level
        ([[a - 9, b - 9] for a, b in RIGHT], LABELS, ["alike"]),
        ([[a + 9, b + 9] for a, b in RIGHT], LABELS, ["alike"]),
        # equal scores: precision 1/2, as the share of the class
        ([[3.0, -3]] * 8, LABELS, ["chance", "alike"]),
        ([[-a, -b] for a, b in RIGHT], LABELS, ["chance"]),
        # images that are all alike cannot be told apart
        ([[3.0, -3]] * 8, [[1.0, 0]] * 8, []),
        # two images with a class and two without it say nothing
        ([[-3.0, 3]] * 4, LABELS[2:6], []),
    ],
    ids=["right", "none", "all", "equal", "reversed", "one class", "few"],
)
def test_signs_that_nothing_is_learnt(logits, labels, signs):
    assert [*measured(logits, labels).signs] == signs


def test_the_sign_says_what_a_random_order_has():
    sign = measured([[3.0, -3]] * 8, LABELS).signs["chance"]
    assert "mAP 50.0 % is hardly above that of a random order, 62.3 %" in sign
    assert (
        measured([[-9.0, -9]] * 8, LABELS)
        .signs["alike"]
        .endswith("predicts no class for any image")
    )


@pytest.mark.parametrize(("label", "place"), [([1.0, 0], 0), ([0.0, 1], 3), ([0.0, 0], 3)])
def test_the_map_of_the_labels_is_drawn_beside_the_image(label, place):
    """Class 0 is active in the upper left cell, class 1 twice as much in the lower right one."""
    maps = torch.zeros(1, 2, 2, 2)
    maps[0, 0, 0, 0], maps[0, 1, 1, 1] = 1, 2
    sample = {"image": torch.zeros(1, 3, 4, 4, dtype=torch.uint8), "label": torch.tensor([label])}
    drawn = draw_maps(lambda image: maps, sample)
    assert drawn.shape == (4, 8, 3) and not drawn[:, :4].any()
    corners = drawn[[0, 0, 3, 3], [4, 7, 4, 7], 0]
    assert corners.argmax() == place and corners.max() == 230
    assert np.count_nonzero(corners) in (1, 2)
