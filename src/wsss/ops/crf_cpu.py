"""The dense CRF on the CPU: all fields of scores of an image in one pass over its pixels."""

from functools import lru_cache

import numpy as np

from wsss.config.crf import CrfKernel
from wsss.ops import crf_kernels
from wsss.ops.crf_kernels import LANES
from wsss.ops.lattice_kernels import Lattice, build
from wsss.ops.permutohedral import elevation, first_key, numbering, simplices

SIZES = 4
"""Image sizes whose lattices of the smoothness kernel are kept."""


def positions(size: tuple[int, ...], sxy: float, dimensions: int) -> list[np.ndarray]:
    """Return the features x / sxy and y / sxy of all pixels, scaled for a lattice."""
    y, x = np.indices(size, np.float32).reshape(2, -1)
    return [
        plane / np.float32(sxy) * f
        for plane, f in zip((x, y), elevation(dimensions)[:2], strict=True)
    ]


def appearance(image: np.ndarray, kernels: CrfKernel) -> list[np.ndarray]:
    """Return the features (x, y) / sxy and colour / srgb of all pixels, scaled for a lattice."""
    scaled = image.reshape(-1, 3).T / np.float32(kernels.bilateral_srgb)
    colours = [plane * factor for plane, factor in zip(scaled, elevation(5)[2:], strict=True)]
    return [*positions(image.shape[:2], kernels.bilateral_sxy, 5), *colours]


def filled(features: list[np.ndarray]) -> list[np.ndarray]:
    """Append a pixel of feature 0 unless the pixels are a multiple of four.

    pydensecrf takes four at a time and fills up with such pixels. They have no value, but the blur
    passes their vertices, which matters for images of a few pixels
    (docs/methods/common.md 6).
    """
    return [np.pad(plane, (0, len(plane) % 4 > 0)) for plane in features]


def _lattice(features: list[np.ndarray], weight: float) -> Lattice:
    pixels, features = len(features[0]), filled(features)
    keys = numbering([float(plane.max()) for plane in features])
    found = simplices(np, features)
    first, rest, rank = first_key(np, found, keys), np.stack(found.rest), np.stack(found.rank)
    built: Lattice = build(first, np.array(keys.along), rest, rank)
    used = pixels * len(rest)
    lattice = built._replace(vertices=built.vertices[:used], weights=built.weights[:used])
    crf_kernels.normalise(lattice, float(weight))
    return lattice


@lru_cache(SIZES)
def smoothness(size: tuple[int, ...], sxy: float, weight: float) -> Lattice:
    """Return the lattice of the smoothness kernel of images of a size."""
    return _lattice(positions(size, sxy, 2), weight)


class Field:
    """The two lattices of an image; each solves any number of fields of logits.

    The state is the difference of each label's posterior to that of label 0, since both the filters
    and the softmax lose nothing of it: two fields of two labels are two channels.

    Args:
        image: (H, W, 3) uint8.
        kernels: steps, widths and weights.
    """

    def __init__(self, image: np.ndarray, kernels: CrfKernel) -> None:
        self._lattices = (
            smoothness(image.shape[:2], kernels.gaussian_sxy, kernels.gaussian_weight),
            _lattice(appearance(image, kernels), kernels.bilateral_weight),
        )
        self._iterations = kernels.iterations

    def posteriors(self, logits: np.ndarray, rest: bool = False) -> np.ndarray:
        """Return the posteriors of logits (N, L, H, W) float32.

        With a rest, the last label stands for many that have little support each: it has none.
        """
        fields, labels = logits.shape[:2]
        channels = fields * (labels - 1)
        width = -(-channels // LANES) * LANES
        unary = np.zeros((logits[0, 0].size, width), np.float32)
        unary[:, :channels] = (logits[:, 1:] - logits[:, :1]).reshape(channels, -1).T
        shape = (fields, labels - 1, width)
        values = self._zeros(width)
        for _ in range(self._iterations):
            sums = self._zeros(width)
            crf_kernels.step(unary.ravel(), self._lattices, values, sums, shape, rest)
            values = tuple(
                crf_kernels.blur(flat.reshape(-1, width), lattice.neighbours).ravel()
                for flat, lattice in zip(sums, self._lattices, strict=True)
            )
        posterior = np.empty((fields, labels, len(unary)), np.float32)
        crf_kernels.finish(unary.ravel(), self._lattices, values, shape, posterior)
        return posterior.reshape(logits.shape)

    def _zeros(self, width: int) -> tuple[np.ndarray, ...]:
        sizes = [lattice.neighbours.shape[1] * width for lattice in self._lattices]
        return tuple(np.zeros(size, np.float32) for size in sizes)
