"""The permutohedral lattice (Adams, Baek & Davis, Eurographics 2010): from features to vertices.

A Gaussian filter in d dimensions becomes: *splat* each value onto the d + 1 vertices of the simplex
that encloses its feature, *blur* along the d + 1 axes of the lattice, *slice* the values back with
the same weights. The lattice is the projection of (d + 1) Z^(d+1) along (1, ..., 1): its points
have d + 1 integer coordinates whose sum is zero and which are all equal modulo d + 1, the
*remainder* of the point. A simplex has one vertex of each remainder, 0 to d.

All arrays hold one plane per coordinate and one column per feature. The functions take NumPy's
arrays or PyTorch's: `xp` is the module that the arrays belong to.
"""

import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from wsss.errors import UserError

Array = Any
"""An array of NumPy or a tensor of PyTorch."""


class Simplices(NamedTuple):
    """The enclosing simplex of each feature, d + 1 planes each.

    Attributes:
        nearest: multiples of d + 1: coordinates of its vertex of remainder 0, over d + 1.
        rest: the feature less that vertex.
        rank: number of coordinates whose rest is larger, 0 to d, each once.
    """

    nearest: list[Array]
    rest: list[Array]
    rank: list[Array]


class Keys(NamedTuple):
    """Numbers of lattice points: the first d coordinates as digits of a mixed radix.

    Attributes:
        lowest: least coordinates.
        strides: value of a digit; 0 for the last coordinate, which the others imply.
        total: all numbers are smaller.
    """

    lowest: list[int]
    strides: list[int]
    total: int

    @property
    def along(self) -> list[int]:
        """Differences of the numbers of neighbours along each axis."""
        return [sum(self.strides) - len(self.strides) * stride for stride in self.strides]


def elevation(dimensions: int) -> np.ndarray:
    """Return the factors (d,) of features of unit standard deviation before `simplices`.

    Splat, blur and slice have a variance of (d + 1)^2 2 / 3 together (Adams et al. 2010, section
    3.1); the rest makes the columns of the projection orthonormal.
    """
    ordinal = np.arange(1, dimensions + 1)
    return (dimensions + 1) * np.sqrt(2 / 3 / ordinal / (ordinal + 1)).astype(np.float32)


def _elevate(features: Sequence[Array]) -> list[Array]:
    """Project features (d) onto the hyperplane of the lattice (d + 1)."""
    total, elevated = features[0] * 0, []
    for ordinal in range(len(features), 0, -1):
        elevated.append(total - features[ordinal - 1] * ordinal)
        total = total + features[ordinal - 1]
    return [total, *reversed(elevated)]


def simplices(xp: ModuleType, features: Sequence[Array]) -> Simplices:
    """Find the simplices that enclose features (d planes), scaled by `elevation`.

    The nearest point of remainder 0 is found by rounding (Conway & Sloane 1998, chapter 20): where
    the coordinates do not sum to zero, those of the largest differences move by one step.
    """
    elevated = _elevate(features)
    size = len(elevated)
    nearest = [xp.floor(plane * (1 / size) + 0.5) for plane in elevated]
    rest = [plane - near * size for plane, near in zip(elevated, nearest, strict=True)]
    excess = xp.asarray(sum(nearest), dtype=xp.int8)
    rank = [excess] * size
    for i in range(size):
        for j in range(i + 1, size):
            less = rest[i] < rest[j]
            rank[i], rank[j] = rank[i] + less, rank[j] + ~less
    for i in range(size):
        step = xp.asarray(rank[i] < 0, dtype=xp.int8) - xp.asarray(rank[i] >= size, dtype=xp.int8)
        nearest[i], rest[i] = nearest[i] + step, rest[i] - step * size
        rank[i] = rank[i] + step * size
    return Simplices(nearest, rest, rank)


def numbering(largest: Sequence[float], images: int = 1) -> Keys:
    """Number the lattice points around features between 0 and `largest` (d,), scaled.

    Raises:
        UserError: 62 bits cannot number those of so many images.
    """
    size = len(largest) + 1
    high = [sum(largest[i:]) for i in range(size)]
    low = [0.0, *(-ordinal * value for ordinal, value in enumerate(largest, 1))]
    margin = 3 * size  # to the farthest vertex, its neighbour, and rounding
    lowest = [math.floor(value) - margin for value in low]
    ends = [math.ceil(value) + margin + 1 for value in high]
    extents = [end - start for start, end in zip(lowest, ends, strict=True)]
    strides = [math.prod(extents[:i]) for i in range(size)]
    if strides[-1] * images >= 2**62:
        raise UserError("a kernel of the CRF is too narrow for the image: raise its sxy or srgb")
    return Keys(lowest, [*strides[:-1], 0], strides[-1])


def first_key(xp: ModuleType, found: Simplices, keys: Keys) -> Array:
    """Return the number of the vertex of remainder 0 of each simplex.

    From the vertex of remainder r to the next one, every coordinate grows by 1, but that of rank
    d - r by -d: the number grows by the entry of `Keys.along` of that coordinate.
    """
    size = len(keys.strides)
    number = -sum(low * stride for low, stride in zip(keys.lowest, keys.strides, strict=True))
    for near, stride in zip(found.nearest[:-1], keys.strides[:-1], strict=True):
        number = xp.asarray(near, dtype=xp.int64) * (size * stride) + number
    return number
