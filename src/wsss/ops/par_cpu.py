"""The steps of PAR on the CPU, image by image."""

from collections.abc import Sequence

import numpy as np

from wsss.ops import par_kernels
from wsss.ops.par import EPS, NEARNESS, OFFSETS, WIDTH

_OFFSETS = np.array(OFFSETS)
_REACH = int(_OFFSETS.max())


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


def _walk(maps: np.ndarray, weights: np.ndarray, iterations: int) -> np.ndarray:
    """Replace each pixel of maps (L, h, w) by the mean of its neighbours, repeatedly."""
    for _ in range(iterations):
        # beyond a border is the pixel next to it within
        framed = np.pad(maps, ((0, 0), *((_REACH, _REACH),) * 2), mode="edge")
        maps = par_kernels.step(framed, weights, _OFFSETS + _REACH)
    return maps


def _weights(image: np.ndarray) -> np.ndarray:
    """Weigh the neighbours of each pixel of an image (h, 48, w) float32."""
    frame = ((0, 0), *((_REACH, _REACH),) * 2)
    framed = np.pad(image.transpose(2, 0, 1), frame, mode="edge").astype(np.int32)
    weights = par_kernels.unlikeness(framed, _OFFSETS + _REACH, WIDTH, EPS)
    # softmax over the neighbours
    weights -= weights.min(1, keepdims=True)
    np.exp(np.negative(weights, out=weights), out=weights)
    weights /= weights.sum(1, keepdims=True)
    weights += NEARNESS * _position()[:, None]
    weights /= 1 + NEARNESS
    return weights


def _position() -> np.ndarray:
    """Weigh the neighbours by their distance (48,) float32."""
    distance = np.hypot(*_OFFSETS.T)
    powers = np.exp(-((distance / (distance.std(ddof=1) + EPS) / WIDTH) ** 2))
    return (powers / powers.sum()).astype(np.float32)
