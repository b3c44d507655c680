"""The steps of PAR on the CPU, image by image."""

from collections.abc import Sequence

import numpy as np

from wsss.ops import par_kernels
from wsss.ops.par import EPS, NEARNESS, OFFSETS, WIDTH, position

_REACH = int(np.max(OFFSETS))
_CORNERS = np.array(OFFSETS) + _REACH
"""Neighbours of the first pixel, row and column in a framed image."""


class Steps:
    """The weights of the neighbours in some images.

    Args:
        images: (h, w, 3) uint8 each.
    """

    def __init__(self, images: Sequence[np.ndarray]) -> None:
        self._weights = [_weights(image) for image in images]

    def walk(self, maps: Sequence[np.ndarray], iterations: int) -> list[np.ndarray]:
        """Return the maps (L, h, w) float32 of each image after a number of steps."""
        return [
            _walk(one, weights, iterations)
            for one, weights in zip(maps, self._weights, strict=True)
        ]


def _framed(planes: np.ndarray) -> np.ndarray:
    """Frame planes (n, h, w), so that beyond a border is the pixel next to it within."""
    return np.pad(planes, ((0, 0), (_REACH, _REACH), (_REACH, _REACH)), mode="edge")


def _walk(maps: np.ndarray, weights: np.ndarray, iterations: int) -> np.ndarray:
    """Replace each pixel of maps (L, h, w) by the mean of its neighbours, repeatedly."""
    for _ in range(iterations):
        maps = par_kernels.step(_framed(maps), weights, _CORNERS)
    return maps


def _weights(image: np.ndarray) -> np.ndarray:
    """Weigh the neighbours of each pixel of an image (h, 48, w) float32."""
    framed = _framed(image.transpose(2, 0, 1)).astype(np.int32)
    weights = par_kernels.unlikeness(framed, _CORNERS, WIDTH, EPS)
    # softmax over the neighbours
    weights -= weights.min(1, keepdims=True)
    np.exp(np.negative(weights, out=weights), out=weights)
    weights /= weights.sum(1, keepdims=True)
    weights += NEARNESS * position()[:, None]
    weights /= 1 + NEARNESS
    return weights
