"""Evaluation of maps: one histogram beside a confusion matrix per threshold."""

from collections.abc import Iterator
from math import nan

import numpy as np

from benchmarks.row import Row, alone, interleaved
from wsss.metrics.confusion import threshold_curve, threshold_histogram
from wsss.metrics.tally import SeedTally
from wsss.ops.seeds import upsample_cam

SIZE, LABELS = (375, 500), 21
THRESHOLDS = np.arange(60) / 60
CLASSES = np.array([6, 14])


def rows() -> Iterator[Row]:
    """Yield the rows of the threshold curve and of all work per image."""
    stored, truth = _example()
    cam = upsample_cam(stored, SIZE)

    def per_threshold() -> np.ndarray:
        return np.array([_published(cam, truth, threshold) for threshold in THRESHOLDS])

    def one_pass() -> np.ndarray:
        return threshold_curve(threshold_histogram(cam, CLASSES, truth, LABELS, THRESHOLDS))

    worst = np.abs(per_threshold() - one_pass()).max()
    equal = "exact" if worst < 1e-9 else f"{worst:.0e}"
    yield Row("threshold curve, 60 thresholds", *interleaved(per_threshold, one_pass), 70, equal)
    tally = SeedTally(LABELS, 0.01, THRESHOLDS)
    ours = alone(
        lambda: tally.add("a", (6, 14), upsample_cam(stored, SIZE), CLASSES, truth), repeats=20
    )
    yield Row("evaluation of the maps of an image", nan, ours, 0.005, "-")


def _published(cam: np.ndarray, truth: np.ndarray, threshold: float) -> float:
    """Return the mean IoU at a threshold as SEAM's `evaluation.py` counts it, class by class."""
    scores = np.zeros((LABELS, *SIZE), np.float32)
    scores[0] = threshold
    scores[CLASSES + 1] = cam
    predicted = scores.argmax(0).astype(np.uint8)
    counted = truth < 255
    hits = (predicted == truth) * counted
    ious = []
    for label in range(LABELS):
        found = np.sum((predicted == label) * counted)
        there = np.sum((truth == label) * counted)
        both = np.sum((truth == label) * hits)
        ious.append(both / (there + found - both + 1e-10))
    return float(np.mean(ious))


def _example() -> tuple[np.ndarray, np.ndarray]:
    """Return smooth maps (2, h, w) of two objects and the mask (H, W) of both."""
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    distance = [np.hypot(rows - 180, columns - at) / 120 for at in (150, 340)]
    truth = np.zeros(SIZE, np.uint8)
    for label, far in zip(CLASSES + 1, distance, strict=True):
        truth[far < 1] = label
    noise = np.random.default_rng(0).normal(0, 0.05, (2, 94, 125))
    maps = np.exp(-(np.stack(distance)[:, ::4, ::4] ** 2)) + noise
    return maps.clip(0, 1).astype(np.float16), truth
