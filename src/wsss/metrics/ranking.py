"""Metrics of a classifier: average precision and F1 of the scores of one class."""

import numpy as np


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """Average precision without interpolation: the sum of P_n (R_n - R_{n-1}) over all scores.

    P_n and R_n are precision and recall of the images whose score is at least the n-th highest one;
    equal scores count at once. Source: `average_precision_score` of scikit-learn.

    Args:
        scores: (N,) score of every image.
        positive: (N,) bool, True where the image has the label; at least one.

    Returns:
        Ratio in (0, 1].

    Raises:
        ValueError: no image has the label.
    """
    if not positive.any():
        raise ValueError("average precision needs an image with the label")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(positive[order])
    # the last image of each run of equal scores
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    precision = hits[ends] / (ends + 1)
    recall = hits[ends] / hits[-1]
    return float((precision * np.diff(recall, prepend=0)).sum())


def chance_precision(images: int, positives: int) -> float:
    """Mean average precision of a random order of the images.

    With few images it is well above the share of the positives. The image at rank i has the label
    with probability n / N, and the precision there is then `(1 + (i - 1) (n - 1) / (N - 1)) / i` on
    average; the sum over the ranks, over n, is `(H + (n - 1) (N - H) / (N - 1)) / N` with the
    harmonic number `H = 1 + 1/2 + ... + 1/N`.

    Args:
        images: N, number of images.
        positives: n, number of those with the label, 1 to N.

    Returns:
        Ratio in (0, 1].
    """
    harmonic = float((1 / np.arange(1, images + 1)).sum())
    return (harmonic + (positives - 1) * (images - harmonic) / max(1, images - 1)) / images


def f1_score(found: np.ndarray, positive: np.ndarray) -> float:
    """F1: the harmonic mean of precision and recall, `2 TP / (P + T)`.

    Args:
        found: (N,) bool, True where the label is predicted.
        positive: (N,) bool, True where the image has it.

    Returns:
        Ratio in [0, 1]; 0 where the label is neither there nor predicted.
    """
    hits = int((found & positive).sum())
    return 2 * hits / max(1, int(found.sum()) + int(positive.sum()))
