"""Masks of objects without a class, as SAM gives them: where to ask for them, what they are worth.

Chen et al., Segment Anything Model (SAM) Enhanced Pseudo Labels for Weakly Supervised Semantic
Segmentation, arXiv 2305.05803; asked at points instead of everywhere.
"""

from collections.abc import Iterable

import cv2
import numpy as np

from wsss.io.labels import IGNORE

INSIDE = 0.5
"""A mask has the class that more than this fraction of it is labelled with."""

COVERED = 0.85
"""A mask has the class, too, whose pixels it covers at least this fraction of."""

SPACING = 0.1
"""Least distance of two peaks, as a fraction of the longer side of the map."""


def peaks(score: np.ndarray, count: int) -> np.ndarray:
    """Find the highest local maxima of a map.

    A peak is positive and the highest pixel of the square around it, whose half side is the least
    distance of peaks; of equal ones, the first in reading order is taken.

    Args:
        score: A map (H, W) float32.
        count: The most peaks.

    Returns:
        Rows and columns (n, 2) int64, the highest peak first; n may be 0.
    """
    apart = max(1, round(SPACING * max(score.shape)))
    square = np.ones((2 * apart - 1, 2 * apart - 1), np.uint8)
    top = (score == cv2.dilate(score, square)) & (score > 0)
    places = np.argwhere(top)
    found = places[:0]
    for place in places[np.argsort(-score[top], kind="stable")]:
        if len(found) == count:
            break
        if (np.abs(found - place).max(1) >= apart).all():
            found = np.vstack([found, place])
    return found


def merge(labels: np.ndarray, masks: Iterable[np.ndarray]) -> np.ndarray:
    """Extend the classes of a label map to the masks that belong to them.

    Each mask is used once. Smaller masks lie on larger ones; pixels in none keep their labels.

    Args:
        labels: Label map (H, W) uint8, 0 = background, 255 = ignored.
        masks: Masks (H, W) bool.

    Returns:
        Label map (H, W) uint8, of ids that `labels` has.
    """
    merged = labels.copy()
    for mask in sorted(masks, key=np.count_nonzero, reverse=True):
        if label := class_of(mask, labels):
            merged[mask] = label
    return merged


def class_of(mask: np.ndarray, labels: np.ndarray) -> int:
    """Return the class that a mask belongs to, 0 for none.

    That is the class of more than half of its pixels or else, if it holds 85 % of the pixels of a
    class, that of which it holds the largest part; the lower id of two.

    Args:
        mask: A mask (H, W) bool.
        labels: Label map (H, W) uint8.
    """
    held, all_of = (
        np.bincount(ids, minlength=IGNORE + 1) for ids in (labels[mask], labels.ravel())
    )
    held[[0, IGNORE]] = 0
    most = held.argmax()
    if held[most] > INSIDE * np.count_nonzero(mask):
        return int(most)
    covered = held / np.maximum(all_of, 1)
    most = covered.argmax()
    return int(most) if covered[most] >= COVERED else 0
