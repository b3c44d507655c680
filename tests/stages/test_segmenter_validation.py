"""Metrics, pictures and signs of failure of a segmenter that is being trained."""

import numpy as np
import pytest
import torch

from wsss.io.labels import palette
from wsss.stages.segmenter_validation import compared, draw_labels


def one_hot(labels, count=3):
    return torch.nn.functional.one_hot(torch.tensor(labels), count).permute(0, 3, 1, 2).float()


def measured(found, labels):
    given = torch.tensor(labels, dtype=torch.uint8)
    batches = [
        {"image": one_hot(found[i : i + 1]), "label": given[i : i + 1]} for i in range(len(found))
    ]
    return compared(torch.nn.Identity(), ["mIoU", "agreement"], batches)


def test_metrics_are_of_the_labels_that_count():
    found = measured([[[0, 1, 1, 2]], [[0, 1, 1, 0]]], [[[0, 0, 1, 255]], [[0, 1, 1, 1]]])
    # background 2 of 4 pixels, class 1 3 of 5; 5 of 7 pixels agree
    assert found.metrics == pytest.approx({"mIoU": (2 / 4 + 3 / 5) / 2, "agreement": 5 / 7})


def test_without_images_the_metrics_are_0():
    assert compared(torch.nn.Identity(), ["mIoU"], []).metrics == {"mIoU": 0}


@pytest.mark.parametrize(
    ("found", "labels", "signs"),
    [
        ([[[0, 0, 1, 1]]], [[[0, 0, 1, 2]]], []),
        ([[[0, 0, 0, 0]]], [[[0, 0, 1, 2]]], ["alike"]),
        ([[[2, 2, 2, 2]]], [[[0, 0, 1, 2]]], ["alike"]),
        ([[[1, 0, 2, 1]]], [[[0, 0, 1, 2]]], ["background"]),
        # as good as background everywhere
        ([[[0, 1, 1, 1]]], [[[0, 0, 1, 2]]], []),
        # a label that is alone is predicted alone
        ([[[1, 1, 1, 1]]], [[[1, 1, 255, 1]]], []),
    ],
)
def test_signs_that_nothing_is_learnt(found, labels, signs):
    assert [*measured(found, labels).signs] == signs


def test_the_signs_say_how_bad_it_is():
    assert "predicts background everywhere" in measured([[[0, 0]]], [[[0, 1]]]).signs["alike"]
    assert "predicts class 1 everywhere" in measured([[[1, 1]]], [[[0, 1]]]).signs["alike"]
    sign = measured([[[1, 0, 2, 1]]], [[[0, 0, 1, 2]]]).signs["background"]
    assert sign.startswith("25.0 % of the pixels") and "the 50.0 % of background" in sign


def test_labels_and_predictions_are_drawn_beside_the_image():
    sample = {
        "image": torch.full((1, 3, 2, 2), 100, dtype=torch.uint8),
        "label": torch.tensor([[[0, 1], [255, 2]]], dtype=torch.uint8),
    }
    drawn = draw_labels(lambda image: one_hot([[[2, 2], [2, 2]]]), sample)
    assert drawn.shape == (2, 6, 3) and (drawn[:, :2] == 100).all()
    expected = (100 + palette()[[[0, 1], [255, 2]]].astype(int)) / 2
    assert np.abs(drawn[:, 2:4] - expected).max() <= 0.5
    assert np.abs(drawn[:, 4:] - (100 + palette()[2].astype(int)) / 2).max() <= 0.5
