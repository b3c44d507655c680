"""Counts over images, of label maps and of seeds at every background threshold."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from wsss.io.labels import IGNORE, label_ids
from wsss.metrics.confusion import (
    confusion,
    confusion_at,
    iou,
    seed_counts,
    threshold_curve,
)
from wsss.metrics.result import Counts, Point, ThresholdCurve

PLATEAU = 0.01
"""Thresholds whose label agreement is this close to the best one count as equally good."""

WIDE = 0.2
"""Length from which on the middle of a plateau of label agreement says nothing about the masks."""


@dataclass
class Tally:
    """Accumulated counts of one set of label maps.

    Args:
        num_labels: L, classes and background.
        min_area: smallest share of the image for a label to count as found.
        alpha: background exponent of CRF posteriors.
        threshold: background threshold of a seed.
    """

    num_labels: int
    min_area: float
    alpha: float | None = None
    threshold: float | None = None
    counts: np.ndarray = field(init=False)
    per_image: dict[str, float] = field(default_factory=dict)
    agreement: list[float] = field(default_factory=list)
    covered: int = 0
    pixels: int = 0

    def __post_init__(self) -> None:
        self.counts = np.zeros((self.num_labels, self.num_labels), np.int64)

    def add(
        self, image_id: str, classes: Sequence[int], labels: np.ndarray, truth: np.ndarray | None
    ) -> None:
        """Count one image.

        Unlabelled pixels (255) count as background, as in IRN `step/eval_sem_seg.py`.

        Args:
            image_id: id of the image.
            classes: 0-based classes of the image.
            labels: predicted label map (H, W) uint8.
            truth: mask (H, W) uint8; None without one.
        """
        areas = np.bincount(labels.ravel(), minlength=IGNORE + 1)
        self.covered += int(labels.size - areas[IGNORE])
        self.pixels += labels.size
        found = areas[1:IGNORE] >= max(1, self.min_area * labels.size)
        matched = agreement(found[None], np.arange(1, IGNORE), label_ids(np.asarray(classes))[1:])
        self.agreement.append(float(matched[0]))
        if truth is not None:
            counts = confusion(np.where(labels == IGNORE, 0, labels), truth, self.num_labels)
            self.counts += counts
            self.per_image |= image_iou(image_id, counts)

    def result(self) -> Counts:
        """Return the counts over all images."""
        return Counts(
            confusion=self.counts,
            per_image=self.per_image,
            coverage=self.covered / self.pixels,
            label_agreement=float(np.mean(self.agreement)),
            threshold=self.threshold,
            alpha=self.alpha,
        )


@dataclass
class SeedTally:
    """Accumulated counts of the seeds at every threshold, in one pass over the maps.

    A pixel is background unless its strongest CAM exceeds the threshold (SEAM `evaluation.py`).
    The oracle threshold has the highest mIoU, as in published numbers. The mask-free one is the
    middle of the plateau (`plateau_middle`) of label agreement (`agreement`), for which the
    background is a label, too: seeds that leave none are no good ones.

    Args:
        num_labels: L, classes and background.
        min_area: smallest share of the image for a label to count as found.
        thresholds: (T,) ascending.
    """

    num_labels: int
    min_area: float
    thresholds: np.ndarray
    agreements: list[np.ndarray] = field(default_factory=list)
    of_classes: list[np.ndarray] = field(default_factory=list)
    histograms: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def add(
        self,
        image_id: str,
        classes: Sequence[int],
        cam: np.ndarray,
        present: np.ndarray,
        truth: np.ndarray | None,
    ) -> None:
        """Count one image.

        Args:
            image_id: id of the image.
            classes: 0-based classes of the image.
            cam: maps (K, H, W) float32 of the classes `present` (K,), at the size of the image.
            present: ids of the maps, ascending.
            truth: mask (H, W) uint8; None without one.
        """
        areas, counts = seed_counts(cam, present, truth, self.num_labels, self.thresholds)
        found = areas >= max(1, self.min_area * areas[0].sum())
        labels, wanted = label_ids(present), label_ids(np.asarray(classes))
        self.agreements.append(agreement(found, labels, wanted))
        self.of_classes.append(agreement(found[:, 1:], labels[1:], wanted[1:]))
        if counts is not None:
            self.histograms[image_id] = _compact(counts)

    def result(self) -> tuple[ThresholdCurve, dict[str, Counts]]:
        """Return the curve over the thresholds and the counts at the chosen ones.

        Returns:
            The curve, and counts by choice: mask-free and, with masks, oracle.
        """
        # histogram (L, L, T + 1) over all images, agreement (T,)
        total, matched = self._total(), np.mean(self.agreements, axis=0)
        miou = threshold_curve(total).tolist() if self.histograms else None
        # chosen thresholds
        free = plateau_middle(matched)
        best = None if miou is None else int(np.argmax(miou))
        places = {"mask-free": free} | ({} if best is None else {"oracle": best})
        curve = ThresholdCurve(
            thresholds=self.thresholds.tolist(),
            miou=miou,
            label_agreement=matched.tolist(),
            oracle=None if best is None else self._point(best, miou),
            mask_free=self._point(free, miou),
        )
        return curve, {name: self._at(place, total) for name, place in places.items()}

    def _total(self) -> np.ndarray:
        total = np.zeros((self.num_labels, self.num_labels, len(self.thresholds) + 1), np.int64)
        for labels, counts in self.histograms.values():
            total[np.ix_(labels, labels)] += counts
        return total

    def _point(self, place: int, miou: Sequence[float] | None) -> Point:
        return Point(
            threshold=float(self.thresholds[place]), miou=None if miou is None else miou[place]
        )

    def _at(self, place: int, total: np.ndarray) -> Counts:
        per_image: dict[str, float] = {}
        for image_id, (_, counts) in self.histograms.items():
            per_image |= image_iou(image_id, confusion_at(counts, place))
        return Counts(
            confusion=confusion_at(total, place),
            per_image=per_image,
            coverage=1.0,
            label_agreement=float(np.mean([matched[place] for matched in self.of_classes])),
            threshold=float(self.thresholds[place]),
        )


def _compact(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels that occur and the histogram of these, since images show few classes."""
    used = np.asarray(counts.any(axis=(1, 2)) | counts.any(axis=(0, 2)))
    used[0] = True
    labels = np.flatnonzero(used)
    return labels, counts[np.ix_(labels, labels)].astype(np.int32)


def image_iou(image_id: str, counts: np.ndarray) -> dict[str, float]:
    """Return {image_id: mean IoU over the labels in mask or prediction}, {} if all is ignored."""
    used = np.asarray(counts.any(axis=0) | counts.any(axis=1))
    return {image_id: float(iou(counts)[used].mean())} if used.any() else {}


def agreement(found: np.ndarray, labels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Jaccard index of the labels found in an image and those that it has; 1 if both are empty.

    Args:
        found: (T, n) bool, True where a label covers enough of the image at a threshold.
        labels: (n,) ids of these labels.
        wanted: (m,) ids of the labels that the image has.

    Returns:
        (T,) in [0, 1].
    """
    right = np.isin(labels, wanted)
    hits, union = found[:, right].sum(axis=1), len(wanted) + found[:, ~right].sum(axis=1)
    ratio: np.ndarray = np.where(union > 0, hits / np.maximum(union, 1), 1.0)
    return ratio


def plateau(matched: np.ndarray) -> tuple[int, int]:
    """Return the first and the last index of the longest run of thresholds within `PLATEAU`.

    Of equally long ones it is the first.

    Args:
        matched: (T,) mean agreement of every threshold, thresholds ascending.
    """
    good = np.concatenate([[0], matched >= matched.max() - PLATEAU, [0]]).astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(good) == 1), np.flatnonzero(np.diff(good) == -1)
    longest = int((ends - starts).argmax())
    return int(starts[longest]), int(ends[longest]) - 1


def is_wide(first: float, last: float) -> bool:
    """Return True for a plateau between two thresholds that is `WIDE` or longer."""
    return last - first >= WIDE - 1e-9


def plateau_middle(matched: np.ndarray) -> int:
    """Index of the threshold to use without masks.

    Agreement is flat between "too much foreground" and "classes vanish"; the place of its maximum
    is random, the middle of the flat part (`plateau`), rounded down, is stable.

    Args:
        matched: (T,) mean agreement of every threshold, thresholds ascending.
    """
    return sum(plateau(matched)) // 2
