"""How often a training is validated, and on how many images."""

from pathlib import Path

import pytest

from wsss.config.monitor import Monitor
from wsss.data.validation import extent, some
from wsss.io.index import Item


@pytest.mark.parametrize(
    ("samples", "expected"),
    [(3200, (5, 12)), (2400, (5, 9)), (600, (1, 8)), (10**6, (5, 100))],
)
def test_validations_of_a_frozen_backbone_are_a_third(samples, expected):
    # a step is hardly slower than a prediction: 2 % of the samples
    assert extent(Monitor(), samples, frozen=True) == expected


@pytest.mark.parametrize(
    ("settings", "samples", "parts", "expected"),
    [
        # 6 % of the samples of 400 steps of 8: 192 images
        ({}, 3200, 1, (5, 38)),
        ({}, 3200, 2, (5, 19)),
        # with fewer samples fewer validations, at last none
        ({}, 600, 1, (4, 8)),
        ({}, 133, 1, (0, 8)),
        ({}, 10**6, 1, (5, 100)),
        # what the user names is not limited
        ({"images": 500}, 100, 2, (5, 500)),
        ({"validations": 20}, 10**6, 1, (20, 100)),
        ({"validations": 0}, 10**6, 1, (0, 0)),
        ({"validations": 0, "images": 9}, 10**6, 1, (0, 9)),
    ],
)
def test_validations_cost_little_unless_the_user_asks_for_more(settings, samples, parts, expected):
    assert extent(Monitor(**settings), samples, parts) == expected


def test_the_images_are_a_fixed_random_choice_in_order():
    items = [Item(str(i), "val", Path("x"), "0", ()) for i in range(50)]
    chosen = [int(item.image_id) for item in some(items, 10, 0)]
    assert chosen == sorted(set(chosen)) and len(chosen) == 10
    assert some(items, 10, 0) == some(items, 10, 0) != some(items, 10, 1)
    assert some(items[:3], 10, 0) == tuple(items[:3])
