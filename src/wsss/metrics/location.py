"""Criteria of location that need no masks: numbers in [-1, 1] per image, larger is better.

An image whose labels are found nowhere counts as 0, one without labels does not count: so that
masks without any object are not the best ones. None of them measures how good masks are; what each
is worth is in `wsss.metrics.choice`.
"""

from collections.abc import Sequence
from itertools import product

import cv2
import numpy as np

from wsss.config.crf import CrfKernel
from wsss.io.labels import IGNORE
from wsss.metrics.overlap import mean_iou
from wsss.ops.crf import ImageCRF
from wsss.ops.par import ImagePAR

SIDE = 160
"""Longer side of the copies on which refiners are compared, pixels."""

REACH = 0.02
"""Distance of the shifted boundaries, as a share of the longer side of the image."""

EPS = 1e-6
"""Least sum of a map, so that maps of zeros have a stability of 0."""

ABSENT = 0.0
"""IoU of a label that neither of two label maps has."""

PAR_STEPS = 10
"""Steps of PAR."""

KERNELS = CrfKernel(
    iterations=5,
    gaussian_sxy=1,
    bilateral_sxy=67 * SIDE / 500,
    bilateral_srgb=13,
    bilateral_weight=4,
)
"""The CRF: DeepLab's widths for the sides of PASCAL VOC, and colours of PSA, whose lattice is
smaller."""


def stability(views: Sequence[np.ndarray], mean: np.ndarray) -> float | None:
    """Compare the maps of mirrored and scaled views of an image with their mean.

    Args:
        views: maps (K, h, w) of each view, mirrored back, of one size and scaled as `mean`.
        mean: maps (K, h, w) over all views.

    Returns:
        Mean over views and classes of sum(min) / sum(max), which for masks is the Jaccard index;
        None for less than two views or without classes.
    """
    if len(views) < 2 or not len(mean):
        return None
    whole = mean.clip(0)
    shares = [
        np.minimum(view, whole).sum((1, 2)) / np.maximum(view, whole).sum((1, 2)).clip(EPS)
        for view in (view.clip(0) for view in views)
    ]
    return float(np.mean(shares))


def edge_contrast(image: np.ndarray, labels: np.ndarray, ids: Sequence[int]) -> float | None:
    """Compare the image's gradient on the boundaries of a mask with that beside them.

    Args:
        image: (H, W, 3) uint8 RGB.
        labels: label map (H, W) uint8; boundaries of 255 do not count.
        ids: the labels of the image.

    Returns:
        `(on - off) / (on + off)` of the mean gradient on the boundaries and on these shifted by
        `REACH` in eight directions; 0 without boundaries, None without labels.
    """
    if not ids:
        return None
    edge = boundaries(labels)
    if not edge.any():
        return 0.0
    gradient = _gradient(image)
    on, off = gradient[edge].mean(), gradient[_beside(edge)]
    other = off.mean() if off.size else 0.0
    return float((on - other) / (on + other)) if on + other > 0 else 0.0


def boundaries(labels: np.ndarray) -> np.ndarray:
    """Return the pixels (H, W) bool whose right or lower neighbour has another label, not 255."""
    found = np.zeros(labels.shape, bool)
    for here, there in (
        ((slice(None), slice(-1)), (slice(None), slice(1, None))),
        ((slice(-1), slice(None)), (slice(1, None), slice(None))),
    ):
        one, other = labels[here], labels[there]
        found[here] |= (one != other) & (one != IGNORE) & (other != IGNORE)
    return found


def _gradient(image: np.ndarray) -> np.ndarray:
    """Return the length of the gradient of the brightness (H, W) float32."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    return cv2.magnitude(across, down)


def _beside(edge: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of shifted boundaries that are not next to a boundary themselves."""
    height, width = edge.shape
    near = cv2.dilate(edge.astype(np.uint8), np.ones((3, 3), np.uint8))
    step = max(2, round(REACH * max(height, width)))
    shifts = np.array([d for d in product((-step, 0, step), repeat=2) if any(d)])
    rows, columns = (
        np.add.outer(*of).ravel() for of in zip(shifts.T, np.nonzero(edge), strict=True)
    )
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    rows, columns = rows[inside], columns[inside]
    free = near[rows, columns] == 0
    return rows[free], columns[free]


def refiner_agreement(image: np.ndarray, scores: np.ndarray, ids: Sequence[int]) -> float | None:
    """Compare the labels that PAR and the dense CRF give to the same scores, on a small copy.

    Args:
        image: (H, W, 3) uint8 RGB.
        scores: (K + 1, h, w) float32 in [0, 1] of the background and the labels of the image.
        ids: the labels of the image, K of them.
    """
    if not ids:
        return None
    factor = SIDE / max(image.shape[:2])
    size = [max(2, round(factor * side)) for side in image.shape[1::-1]]
    small, *maps = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (image, *scores))
    both = ImagePAR(small, PAR_STEPS), ImageCRF(small, len(maps), KERNELS)
    par, crf = (refiner.refine(np.stack(maps)).argmax(0) for refiner in both)
    return mean_iou(par, crf, range(1, len(maps)), ABSENT)
