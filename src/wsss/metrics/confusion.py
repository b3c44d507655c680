"""Confusion matrices and the metrics computed from them, for label maps and thresholded CAMs."""

import numpy as np

from wsss.io.labels import IGNORE, label_ids

EPS = 1e-10

_CELLS = np.float32(4096)
"""Cells per unit of the table that finds the bin of a score; a power of two loses no digit."""


def _counts(index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Histogram of flat indices, int64, of this shape."""
    return np.bincount(index.ravel(), minlength=int(np.prod(shape))).reshape(shape)


def _in_range(name: str, labels: np.ndarray, num_labels: int) -> None:
    """Raise a ValueError if a label is not below `num_labels`."""
    if labels.size and (labels.max() >= num_labels or labels.min() < 0):
        worst = labels.max() if labels.max() >= num_labels else labels.min()
        raise ValueError(f"{name} holds label {worst}, expected 0 to {num_labels - 1}")


def confusion(
    pred: np.ndarray, gt: np.ndarray, num_labels: int, ignore: int = IGNORE
) -> np.ndarray:
    """Count the pixels of each pair of true and predicted label.

    Args:
        pred: Predicted labels (H, W), below `num_labels` wherever `gt` is not ignored.
        gt: True labels (H, W).
        num_labels: Number of labels L.
        ignore: Label of `gt` whose pixels do not count.

    Returns:
        Counts (L, L) int64, rows true, columns predicted.

    Raises:
        ValueError: The shapes differ, or a label is out of range.
    """
    if pred.shape != gt.shape:
        raise ValueError(f"prediction is {pred.shape}, ground truth {gt.shape}")
    _in_range("ground truth", gt, IGNORE + 1)
    _in_range("prediction", pred, IGNORE + 1)
    # every pair of 8-bit labels, then those that count
    side = IGNORE + 1
    pairs = _counts(gt.astype(np.int32) * np.int32(side) + pred, (side, side))
    pairs[ignore] = 0
    for name, axis in (("ground truth", 1), ("prediction", 0)):
        _in_range(name, np.flatnonzero(pairs.any(axis=axis)), num_labels)
    return pairs[:num_labels, :num_labels]


def iou(conf: np.ndarray) -> np.ndarray:
    """Intersection over union per label, `TP / (T + P - TP + 1e-10)` (SEAM, `evaluation.py`).

    Args:
        conf: Counts (..., L, L), rows true.

    Returns:
        Ratios in [0, 1] (..., L); 0 for a label that occurs nowhere.
    """
    hit = np.diagonal(conf, axis1=-2, axis2=-1)
    ratio: np.ndarray = hit / (conf.sum(axis=-1) + conf.sum(axis=-2) - hit + EPS)
    return ratio


def mean_iou(conf: np.ndarray) -> np.ndarray:
    """Mean of `iou` over all labels, background and absent ones included.

    Args:
        conf: Counts (..., L, L), rows true.

    Returns:
        Ratios in [0, 1] (...), a number for one matrix.
    """
    mean: np.ndarray = iou(conf).mean(axis=-1)
    return mean


def background_iou(conf: np.ndarray) -> float:
    """Mean IoU of a prediction that is background everywhere, on the same ground truth.

    Args:
        conf: Counts (L, L) of any prediction, rows true.

    Returns:
        Ratio in [0, 1]: the share of the background over L.
    """
    empty = np.zeros_like(conf)
    empty[:, 0] = conf.sum(axis=1)
    return float(mean_iou(empty))


def present(conf: np.ndarray) -> np.ndarray:
    """Mask of the labels that occur in the ground truth.

    Args:
        conf: Counts (..., L, L), rows true.

    Returns:
        Booleans (..., L).
    """
    return np.asarray(conf.any(axis=-1))


def mean_iou_present(conf: np.ndarray) -> float:
    """Mean of `iou` over the labels that occur in the ground truth.

    False positives of absent labels still count as false negatives of the true label.

    Args:
        conf: Counts (L, L), rows true.

    Returns:
        Ratio in [0, 1]; 0 where the ground truth is empty.
    """
    true = present(conf)
    return float(iou(conf)[true].sum() / max(1, true.sum()))


def precision_recall(conf: np.ndarray) -> tuple[float, float]:
    """Macro averages over the foreground classes of TP / P and TP / T (EADER, `metrics.py`).

    Args:
        conf: Counts (L, L), rows true; row and column 0 are the background.

    Returns:
        Precision and recall in [0, 1]; a class without pixels contributes 0.
    """
    found, true = label_precision_recall(conf)
    return float(found[1:].mean()), float(true[1:].mean())


def label_precision_recall(conf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """TP / P and TP / T per label.

    Args:
        conf: Counts (L, L), rows true.

    Returns:
        Precision and recall in [0, 1], (L,) each; 0 for a label without pixels.
    """
    hit = np.diagonal(conf)
    return hit / (conf.sum(axis=0) + EPS), hit / (conf.sum(axis=1) + EPS)


def precision(conf: np.ndarray) -> float:
    """Precision of `precision_recall`."""
    return precision_recall(conf)[0]


def recall(conf: np.ndarray) -> float:
    """Recall of `precision_recall`."""
    return precision_recall(conf)[1]


def _winners(
    cam: np.ndarray, classes: np.ndarray, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Position + 1 of the strongest class (0 without classes) and its bin, both (H, W)."""
    limits = np.asarray(thresholds).astype(np.float32)
    if (np.diff(limits) < 0).any():
        raise ValueError("thresholds must ascend")
    if len(cam) != len(classes):
        raise ValueError(f"{len(cam)} maps for {len(classes)} classes")
    if not len(cam):
        nothing = np.zeros(cam.shape[1:], dtype=np.int32)
        return nothing, nothing
    # a pass per class is faster than argmax, whose axis is not the last one
    scores = cam.astype(np.float32, copy=False)
    best, winner = scores[0], np.ones(cam.shape[1:], dtype=np.int32)
    for place, other in enumerate(scores[1:], 2):
        np.putmask(winner, other > best, place)
        best = np.maximum(best, other)
    return winner, _bins(best, limits)


def _bins(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Number of ascending limits >= 0 below each value, as `np.searchsorted` finds it.

    A table of cells gives it but for the limit within the cell of a value, which is compared.
    """
    cells = (limits * _CELLS).astype(np.int64)
    if not len(limits) or len(np.unique(cells)) < len(limits):
        return np.searchsorted(limits, values, side="left").astype(np.int32)
    edges = np.arange(cells[-1] + 1, dtype=np.float32) / _CELLS
    table = np.searchsorted(limits, edges, side="left").astype(np.int32)
    # values are finite; the cells at both ends take those outside
    place = np.clip(values, 0, edges[-1])
    place *= _CELLS
    below = table[place.astype(np.int32)]
    below += np.append(limits, np.float32(np.inf))[below] < values
    return below


def seed_counts(
    cam: np.ndarray,
    classes: np.ndarray,
    gt: np.ndarray | None,
    num_labels: int,
    thresholds: np.ndarray,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Count the pixels of an image's seed at every threshold, in one pass.

    Args:
        cam: Normalised maps of the classes present (K, H, W).
        classes: Their ids (K,), ascending.
        gt: True labels (H, W), `IGNORE` where pixels do not count; None without a mask.
        num_labels: Number of labels L.
        thresholds: Background scores (T,), ascending, >= 0.

    Returns:
        Pixels per label of the seed (T, K + 1) int64, the background first, then the classes in
        their order; and the histogram of `threshold_histogram`, None without a mask.

    Raises:
        ValueError: Shapes do not match, a label is out of range or the thresholds do not ascend.
    """
    ids = label_ids(classes)
    _in_range("class list", ids, num_labels)
    if gt is not None:
        if cam.shape[1:] != gt.shape:
            raise ValueError(f"maps are {cam.shape[1:]}, ground truth {gt.shape}")
        _in_range("ground truth", gt[gt != IGNORE], num_labels)
    winner, bins = _winners(cam, classes, thresholds)
    # true label (one row without a mask), position of the strongest class + 1, bin
    shape = (1 if gt is None else IGNORE + 1, len(ids), len(thresholds) + 1)
    index = winner * np.int32(shape[2]) + bins
    if gt is not None:
        index += gt.astype(np.int32) * np.int32(shape[1] * shape[2])
    hist = _counts(index, shape)
    areas = _confusions(hist.sum(axis=0)[None])[:, 0]
    if gt is None:
        return areas, None
    counts = np.zeros((num_labels, num_labels, shape[2]), np.int64)
    counts[:, ids] = hist[:num_labels]
    return areas, counts


def threshold_histogram(
    cam: np.ndarray,
    classes: np.ndarray,
    gt: np.ndarray,
    num_labels: int,
    thresholds: np.ndarray,
) -> np.ndarray:
    """Histogram of pixels from which the confusion matrix of every threshold follows.

    A pixel whose strongest class scores v lies in the bin "number of thresholds below v": it is
    foreground at threshold i, that is `v > thresholds[i]`, exactly if its bin exceeds i. Scores and
    thresholds are compared in float32, as the published evaluation does, so that ties agree.
    Histograms of images add up.

    Args:
        cam: Normalised maps of the classes present (K, H, W).
        classes: Their ids (K,), ascending.
        gt: True labels (H, W), `IGNORE` where pixels do not count.
        num_labels: Number of labels L.
        thresholds: Background scores (T,), ascending, >= 0.

    Returns:
        Counts (L, L, T + 1) int64: true label, label of the strongest class (0 only in images
        without classes), bin.

    Raises:
        ValueError: Shapes do not match, a label is out of range or the thresholds do not ascend.
    """
    counts = seed_counts(cam, classes, gt, num_labels, thresholds)[1]
    assert counts is not None
    return counts


def _confusions(hist: np.ndarray) -> np.ndarray:
    """Confusion matrices (T, L, L) of all thresholds."""
    above = np.cumsum(hist[:, :, ::-1], axis=2)[:, :, -2::-1]
    conf = np.moveaxis(above, 2, 0).copy()
    # background = all pixels that are not foreground at this threshold
    conf[:, :, 0] = 0
    conf[:, :, 0] = hist.sum(axis=(1, 2)) - conf.sum(axis=2)
    return conf


def confusion_at(hist: np.ndarray, index: int) -> np.ndarray:
    """Confusion matrix of one threshold.

    Args:
        hist: Counts (L, L, T + 1) from `threshold_histogram`.
        index: Position of the threshold, 0 to T - 1.

    Returns:
        Counts (L, L) int64, rows true, columns predicted.
    """
    conf: np.ndarray = _confusions(hist)[index]
    return conf


def threshold_curve(hist: np.ndarray) -> np.ndarray:
    """Mean IoU at every threshold (the `curve` of SEAM's `evaluation.py`, as a fraction).

    Args:
        hist: Counts (L, L, T + 1) from `threshold_histogram`, summed over the images.

    Returns:
        Ratios in [0, 1] (T,).
    """
    return mean_iou(_confusions(hist))
