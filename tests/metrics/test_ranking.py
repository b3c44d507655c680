from itertools import permutations

import numpy as np
import pytest

from wsss.metrics.ranking import average_precision, chance_precision, f1_score

YES, NO = True, False


@pytest.mark.parametrize(
    ("scores", "positive", "wanted"),
    [
        ([3, 2, 1], [YES, NO, NO], 1),
        ([3, 2, 1], [NO, NO, YES], 1 / 3),
        ([4, 3, 2, 1], [YES, NO, YES, NO], (1 + 2 / 3) / 2),
        # equal scores count at once, in any order
        ([1, 1, 1, 1], [YES, NO, NO, YES], 1 / 2),
        ([2, 1, 1, 0], [NO, YES, NO, YES], 1 / 3 / 2 + 2 / 4 / 2),
        ([0, 1], [YES, YES], 1),
    ],
)
def test_average_precision_by_hand(scores, positive, wanted) -> None:
    found = average_precision(np.array(scores, np.float32), np.array(positive))
    assert found == pytest.approx(wanted)


def test_average_precision_needs_a_positive() -> None:
    with pytest.raises(ValueError, match="needs an image"):
        average_precision(np.zeros(2), np.zeros(2, bool))


@pytest.mark.parametrize(("images", "positives"), [(1, 1), (4, 1), (5, 2), (5, 5), (6, 3)])
def test_chance_is_the_mean_over_all_orders(images: int, positives: int) -> None:
    labels = np.arange(images) < positives
    orders = permutations(range(images))
    found = np.mean([average_precision(np.array(order), labels) for order in orders])
    assert chance_precision(images, positives) == pytest.approx(found)


@pytest.mark.parametrize(
    ("found", "positive", "wanted"),
    [([YES, NO], [YES, NO], 1), ([YES, YES, NO], [YES, NO, YES], 1 / 2), ([NO], [NO], 0)],
)
def test_f1_by_hand(found, positive, wanted) -> None:
    assert f1_score(np.array(found), np.array(positive)) == pytest.approx(wanted)
