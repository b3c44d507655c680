import numpy as np
import pytest

from wsss.metrics.overlap import mean_iou


@pytest.mark.parametrize(
    ("labels", "absent", "expected"),
    [([1, 2], 0, (1 / 3 + 1) / 2), ([1, 3], 0, (1 / 3 + 0) / 2), ([1, 3], 1, (1 / 3 + 1) / 2)],
)
def test_it_is_the_mean_of_the_labels_asked_for(labels, absent, expected):
    first, second = np.array([[1, 1, 2, 0]]), np.array([[1, 0, 2, 1]])
    assert mean_iou(first, second, labels, absent) == pytest.approx(expected)


def test_without_labels_there_is_none():
    assert mean_iou(np.zeros((2, 2)), np.zeros((2, 2)), [], 1) is None
