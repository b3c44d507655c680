"""Agreement with the evaluation of SEAM, DeepLab and EADER (golden README, section 10)."""

import numpy as np
import pytest

from wsss.metrics.confusion import (
    confusion,
    confusion_at,
    iou,
    mean_iou,
    mean_iou_present,
    precision_recall,
    threshold_curve,
    threshold_histogram,
)

pytestmark = pytest.mark.golden


@pytest.fixture(scope="module")
def ref(golden):
    return golden("evaluation")


@pytest.fixture(scope="module")
def numbers(ref):
    return [key.removeprefix("gt") for key in ref.starting("gt")]


@pytest.fixture(scope="module")
def conf(ref, numbers):
    size = len(ref["iou"])
    return sum(confusion(ref[f"pred{i}"], ref[f"gt{i}"], size) for i in numbers)


@pytest.fixture(scope="module")
def hist(ref, numbers):
    size, limits = len(ref["iou"]), ref["curve_thresholds"]
    return sum(
        threshold_histogram(ref[f"cam{i}"], ref[f"cam{i}_keys"], ref[f"gt{i}"], size, limits)
        for i in numbers
    )


def test_confusion(ref, conf):
    ref.agree("confusion", conf)
    ref.agree("eader_intersection", conf.diagonal())
    ref.agree("eader_union", conf.sum(axis=0) + conf.sum(axis=1) - conf.diagonal())
    ref.agree("eader_gt_pixel_count", np.append(0, conf.sum(axis=1)[1:]))
    ref.agree("eader_predicted_pixel_count", np.append(0, conf.sum(axis=0)[1:]))


def test_iou_in_percent(ref, conf):
    ref.agree("iou", 100 * iou(conf))
    ref.agree("miou", 100 * mean_iou(conf))
    ref.agree("eader_miou", mean_iou(conf))
    ref.agree("kaz_miou", mean_iou_present(conf))


def test_precision_and_recall(ref, conf):
    precision, recall = precision_recall(conf)
    ref.agree("eader_precision", precision)
    ref.agree("eader_recall", recall)


def test_curve(ref, hist):
    curve = 100 * threshold_curve(hist)
    ref.agree("curve", curve)
    ref.agree("curve_best", curve.max())
    ref.agree("curve_best_index", np.argmax(curve))


def test_one_threshold(ref, hist):
    index = int(np.argmin(np.abs(ref["curve_thresholds"] - 0.3)))
    ref.agree("curve_iou_t30", 100 * iou(confusion_at(hist, index)))
