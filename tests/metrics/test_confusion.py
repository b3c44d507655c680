import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsss.io.labels import IGNORE
from wsss.metrics.confusion import (
    background_iou,
    confusion,
    confusion_at,
    iou,
    mean_iou,
    mean_iou_present,
    precision_recall,
    present,
    seed_counts,
    threshold_curve,
    threshold_histogram,
)
from wsss.ops.seeds import seed_labels

GT = np.array([[0, 1], [2, 255]], dtype=np.uint8)
PRED = np.array([[0, 2], [2, 1]], dtype=np.uint8)
CONF = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 1]])


def test_confusion_by_hand():
    got = confusion(PRED, GT, 3)
    assert got.dtype == np.int64
    assert np.array_equal(got, CONF)


def test_confusion_without_valid_pixels():
    assert confusion(PRED, np.full_like(GT, 255), 3).sum() == 0


@pytest.mark.parametrize(
    ("pred", "gt"), [(PRED + 1, GT), (PRED, GT + 1), (PRED[:1], GT), (PRED.astype(int) - 1, GT)]
)
def test_confusion_refuses_other_labels_and_shapes(pred, gt):
    with pytest.raises(ValueError):
        confusion(pred, gt, 3)


def test_iou_by_hand():
    assert np.allclose(iou(CONF), [1, 0, 0.5])
    assert mean_iou(CONF) == pytest.approx(0.5)


def test_iou_of_absent_labels_is_zero():
    assert iou(np.zeros((4, 4), dtype=np.int64)).tolist() == [0] * 4


def test_labels_outside_the_ground_truth_can_be_left_out():
    conf = np.array([[2, 0, 1], [0, 1, 0], [0, 0, 0]])
    assert present(conf).tolist() == [True, True, False]
    assert mean_iou(conf) == pytest.approx((2 / 3 + 1) / 3)
    assert mean_iou_present(conf) == pytest.approx((2 / 3 + 1) / 2)


def test_nothing_present_is_zero():
    assert mean_iou_present(np.zeros((3, 3), dtype=np.int64)) == 0


def test_precision_and_recall_leave_out_the_background():
    precision, recall = precision_recall(CONF)
    assert precision == pytest.approx(0.25)
    assert recall == pytest.approx(0.5)


THRESHOLDS = np.arange(10) / 10
CLASSES = np.array([1, 4])


def example(seed, classes=CLASSES):
    """CAMs on the grid of the thresholds (ties everywhere) and a ground truth of 6 labels."""
    rng = np.random.default_rng(seed)
    cam = (rng.integers(0, 11, (len(classes), 8, 9)) / 10).astype(np.float32)
    return cam, rng.choice([0, 1, 2, 5, 255], (8, 9)).astype(np.uint8)


@pytest.mark.parametrize("classes", [CLASSES, CLASSES[:1], CLASSES[:0]])
def test_histogram_holds_the_confusion_of_every_threshold(classes):
    cam, gt = example(0, classes)
    hist = threshold_histogram(cam, classes, gt, 6, THRESHOLDS)
    for i, threshold in enumerate(THRESHOLDS):
        expected = confusion(seed_labels(cam, classes, threshold), gt, 6)
        assert np.array_equal(confusion_at(hist, i), expected)


def test_curve_of_two_images_is_that_of_their_sum():
    hist, total = 0, np.zeros((10, 6, 6), dtype=np.int64)
    for cam, gt in map(example, range(2)):
        hist = hist + threshold_histogram(cam, CLASSES, gt, 6, THRESHOLDS)
        total += [confusion(seed_labels(cam, CLASSES, t), gt, 6) for t in THRESHOLDS]
    assert hist.shape == (6, 6, 11)
    assert np.array_equal(threshold_curve(hist), mean_iou(total))


@pytest.mark.parametrize("classes", [CLASSES, CLASSES[:0]])
def test_areas_are_those_of_the_seeds(classes):
    cam, gt = example(0, classes)
    areas, _ = seed_counts(cam, classes, gt, 6, THRESHOLDS)
    assert np.array_equal(seed_counts(cam, classes, None, 6, THRESHOLDS)[0], areas)
    for threshold, row in zip(THRESHOLDS, areas, strict=True):
        seed = seed_labels(cam, classes, threshold)
        assert row.tolist() == [(seed == label).sum() for label in (0, *(classes + 1))]


def test_thresholds_must_ascend():
    cam, gt = example(0)
    with pytest.raises(ValueError, match="ascend"):
        threshold_histogram(cam, CLASSES, gt, 6, THRESHOLDS[::-1])


def test_histogram_refuses_what_does_not_match():
    cam, gt = example(0)
    with pytest.raises(ValueError, match="ground truth"):
        threshold_histogram(cam, CLASSES, gt[1:], 6, THRESHOLDS)
    with pytest.raises(ValueError, match="1 maps for 2"):
        threshold_histogram(cam[:1], CLASSES, gt, 6, THRESHOLDS)
    with pytest.raises(ValueError, match="label 5"):
        threshold_histogram(cam, CLASSES, np.zeros_like(gt), 5, THRESHOLDS)


@given(
    values=hnp.arrays(np.float32, 50, elements=st.floats(-1, 2, width=32)),
    limits=st.lists(st.floats(0, 1.5, width=32), min_size=1, max_size=9),
)
def test_bins_are_those_of_a_search(values, limits):
    limits = np.sort(np.float32(limits))
    # scores at the limits, too
    values = np.concatenate([values, limits])
    found, _ = seed_counts(values[None, None], np.array([0]), None, 2, limits)
    assert found[:, 1].tolist() == [(values > limit).sum() for limit in limits]


def test_everything_background_depends_on_the_ground_truth_alone():
    truth = np.array([[0, 0, 0, 1], [0, 2, 2, IGNORE]])
    empty = confusion(np.zeros_like(truth), truth, 3)
    other = confusion(np.ones_like(truth), truth, 3)
    assert background_iou(empty) == pytest.approx(mean_iou(empty)) == pytest.approx(4 / 7 / 3)
    assert background_iou(other) == background_iou(empty)
