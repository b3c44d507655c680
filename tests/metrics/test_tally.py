from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsss.metrics.result import Point
from wsss.metrics.tally import SeedTally, Tally, agreement, plateau_middle
from wsss.ops.seeds import seed_labels


@pytest.mark.parametrize(
    ("curve", "place"),
    [
        ([0.5, 0.9, 0.9, 0.9, 0.5], 2),
        ([0.9, 0.5, 0.895, 0.9, 0.5], 2),
        ([0.1, 0.2, 0.3], 2),
        ([0.7, 0.7, 0.7, 0.7], 1),
        ([1.0, 0.0, 1.0], 0),
    ],
)
def test_plateau_middle(curve: list[float], place: int) -> None:
    assert plateau_middle(np.array(curve)) == place


def test_agreement_counts_missed_and_wrong_labels() -> None:
    found = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0]], bool)
    labels, wanted = np.array([0, 1, 3]), np.array([0, 1])
    assert agreement(found, labels, wanted) == pytest.approx([1, 1 / 3, 0])


def test_background_everywhere_agrees_with_images_without_labels_alone() -> None:
    tally = Tally(2, min_area=0.5)
    tally.add("a", (0,), np.zeros((2, 2), np.uint8), None)
    assert tally.result().label_agreement == 0
    tally.add("b", (), np.zeros((2, 2), np.uint8), None)
    assert tally.result().label_agreement == 0.5


def test_small_areas_do_not_count_as_found() -> None:
    tally = Tally(2, min_area=0.5)
    tally.add("a", (0,), np.array([[0, 0, 0, 1]], np.uint8), None)
    assert tally.result().label_agreement == 0


@given(
    cam=hnp.arrays(np.float32, (2, 3, 4), elements=st.sampled_from([0, 0.25, 0.5, 1])),
    truth=hnp.arrays(np.uint8, (3, 4), elements=st.sampled_from([0, 1, 2, 3, 255])),
    threshold=st.sampled_from([0.0, 0.25, 0.5, 0.75]),
)
def test_one_pass_equals_the_seed_at_each_threshold(
    cam: np.ndarray, truth: np.ndarray, threshold: float
) -> None:
    present, alone = np.array([0, 2]), np.array([threshold])
    seeds, labels = SeedTally(4, 0.1, alone), Tally(4, 0.1, threshold=threshold)
    seeds.add("a", (0, 2), cam, present, truth)
    labels.add("a", (0, 2), seed_labels(cam, present, threshold), truth)
    got, want = asdict(seeds.result()[1]["oracle"]), asdict(labels.result())
    assert (got.pop("confusion") == want.pop("confusion")).all()
    assert got == want


def test_the_curve_marks_both_thresholds() -> None:
    seeds = SeedTally(2, 0.1, np.array([0.2, 0.6]))
    cam = np.array([[[0.1, 0.5, 0.5, 0.9]]], np.float32)
    seeds.add("a", (0,), cam, np.array([0]), np.array([[0, 0, 0, 1]], np.uint8))
    curve, counts = seeds.result()
    assert curve.oracle == Point(threshold=0.6, miou=curve.miou[1])
    assert curve.miou == pytest.approx([(1 / 3 + 1 / 3) / 2, 1])
    assert set(counts) == {"oracle", "mask-free"}
