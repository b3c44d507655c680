"""Polygons of the regions of masks, as annotation tools draw them, and the way back.

Points are pixels (x, y), and the pixels on the line belong to the region, as OpenCV, Ultralytics
and LabelMe fill polygons.
"""

import cv2
import numpy as np

_FAR = 1.0
"""Largest distance of points from the image, in image sides."""


def trace(mask: np.ndarray, tolerance: float = 0.0) -> list[np.ndarray]:
    """Trace the regions of a mask: a polygon for each 8-connected one.

    A polygon has no holes. Those of a region are cut out by a seam: the outline goes along a row
    of the region to the hole, around it, and back on the same way, so that filling by the even-odd
    rule leaves them out.

    Args:
        mask: (H, W) bool.
        tolerance: largest distance, in pixels, of points that are left out from the line between
            those that stay; 0 = `fill` gives the same mask.

    Returns:
        Points (n, 2) int32 of each polygon, n >= 3, the largest region first.
    """
    contours, hierarchy = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
    )
    # columns: next, previous, first hole, region that a hole is in
    tree = np.reshape(hierarchy, (-1, 4)) if contours else np.zeros((0, 4))
    found = []
    for number, contour in enumerate(contours):
        if tree[number, 3] < 0:
            holes = [contours[i][:, 0] for i in np.flatnonzero(tree[:, 3] == number).tolist()]
            found.append((cv2.contourArea(contour), _with_holes(contour[:, 0], holes, mask)))
    found.sort(key=lambda pair: -pair[0])
    return [_filled_up(_thinned(ring, tolerance)) for _, ring in found]


def _with_holes(ring: np.ndarray, holes: list[np.ndarray], mask: np.ndarray) -> np.ndarray:
    """Return an outline (n, 2), extended by seams and the outlines of holes."""
    # to the left of a hole are the outline or holes that were joined before
    for hole in sorted(holes, key=lambda points: points[:, 0].min()):
        start = int(hole[:, 0].argmin())
        x, y = hole[start]
        gaps = np.flatnonzero(~mask[y, :x])
        end = (gaps[-1] + 1 if len(gaps) else 0, y)
        place = int(np.flatnonzero((ring == end).all(1))[0])
        around = np.roll(hole, -start, axis=0)
        ring = np.concatenate([ring[: place + 1], around, around[:1], ring[place:]])
    return ring


def _thinned(ring: np.ndarray, tolerance: float) -> np.ndarray:
    """Leave out points of a closed line (n, 2) which others make up for."""
    if not tolerance:
        steps = np.diff(ring, axis=0, append=ring[:1])
        return ring[(steps != np.roll(steps, 1, axis=0)).any(1)] if len(ring) > 2 else ring
    return _approximate(np.concatenate([ring, ring[:1]]), tolerance)[:-1]


def _approximate(line: np.ndarray, tolerance: float) -> np.ndarray:
    """Approximate a line (n, 2) that may return to its start, by the Douglas-Peucker algorithm."""
    if len(line) < 3:
        return line
    if (line[0] == line[-1]).all():
        far = int(((line - line[0]) ** 2).sum(1).argmax())
        if far == 0:
            return line[:2]
        halves = _approximate(line[: far + 1], tolerance), _approximate(line[far:], tolerance)
        return np.concatenate([halves[0][:-1], halves[1]])
    found: np.ndarray = cv2.approxPolyDP(np.ascontiguousarray(line), tolerance, closed=False)[:, 0]
    return found


def _filled_up(ring: np.ndarray) -> np.ndarray:
    """Repeat the last point of a region of one pixel or a line: tools expect three."""
    return np.concatenate([ring, np.repeat(ring[-1:], max(0, 3 - len(ring)), axis=0)])


def fill(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Fill a polygon by the even-odd rule, its line included.

    Args:
        points: (n, 2) x and y in pixels, rounded to whole ones.
        size: (H, W) of the image.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: fewer than three points, or points that are not finite or far outside.
    """
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        raise ValueError("a polygon needs three points x, y or more")
    sides = np.array([size[1], size[0]])
    # False for NaN, too
    if not ((points >= -_FAR * sides) & (points <= (1 + _FAR) * sides)).all():
        raise ValueError(f"a point is far outside the image of {size[1]} x {size[0]} pixels")
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1)
    return mask > 0
