"""Compiled loops that build a permutohedral lattice.

A function that calls a compiled one is in the same file, for what is kept on disk is compiled again
only if its own file has changed. A function that others call is called with arguments of the same
types always, so that there is one result of it, and jobs that compile it together write the same.
"""

import pickle
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numba import njit
from numba.core.caching import FunctionCache


class _Kept(FunctionCache):
    """Results on disk; one that is damaged or cannot be written is compiled again."""

    def load_overload(self, sig, target_context):
        """Read a result; None if there is none."""
        try:
            return super().load_overload(sig, target_context)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig, data):
        """Write a result, unless the disk is full or the quota exceeded."""
        with suppress(OSError):
            super().save_overload(sig, data)


def compiled(function):
    """Compile a function at its first call, for a single thread, and keep the result on disk.

    It is kept in the folder that NUMBA_CACHE_DIR names, else beside this file, else in the user's
    folder of caches; if none of them can be written, every process compiles it.
    """
    lazy = njit(function, fastmath=True, error_model="numpy")
    with suppress(RuntimeError):  # no folder
        lazy._cache = _Kept(function)
    return lazy


class Lattice(NamedTuple):
    """The lattice of one kernel.

    Attributes:
        vertices: positions of the vertices of each pixel's simplex (pixels * (d + 1),) uint32.
        weights: their barycentric weights, likewise, float32.
        neighbours: positions of the neighbours of each vertex along each axis
            (d + 1, vertices + 1, 2) uint32; the last vertex, of value 0, where there is none.
    """

    vertices: np.ndarray
    weights: np.ndarray
    neighbours: np.ndarray


@compiled
def _slot(number, slots, numbers):
    """Find where a number is in a hash table of open addressing, or would be put."""
    mask = len(slots) - 1
    mixed = number * np.int64(-7046029254386353131)  # 2^64 over the golden ratio
    slot = (mixed ^ (mixed >> np.int64(32))) & mask
    while slots[slot] >= 0 and numbers[slots[slot]] != number:
        slot = (slot + 1) & mask
    return slot


@compiled
def _rehash(numbers, count, size):
    """Make a hash table of `size` slots, of which at most half are used, and its numbers."""
    slots, grown = np.full(size, -1, np.int32), np.empty(size // 2, np.int64)
    grown[:count] = numbers[:count]
    for vertex in range(count):
        slots[_slot(grown[vertex], slots, grown)] = vertex
    return slots, grown


@compiled
def _neighbours(slots, numbers, count, along):
    found = np.full((len(along), count + 1, 2), count, np.uint32)
    for axis in range(len(along)):
        for vertex in range(count):
            other = slots[_slot(numbers[vertex] + along[axis], slots, numbers)]
            if other >= 0:
                found[axis, vertex, 0] = other
                found[axis, other, 1] = vertex
    return found


@compiled
def build(first, along, rest, rank):
    """Build the lattice of the simplices of all pixels.

    Args:
        first: numbers of their vertices of remainder 0 (pixels,) int64.
        along: differences of the numbers of neighbours along each axis (d + 1,) int64.
        rest: `permutohedral.Simplices.rest` (d + 1, pixels) float32.
        rank: `permutohedral.Simplices.rank` (d + 1, pixels) int8.
    """
    size, pixels = rest.shape
    vertices, weights = np.empty(pixels * size, np.uint32), np.empty(pixels * size, np.float32)
    slots, numbers = _rehash(np.empty(0, np.int64), 0, 1 << 14)
    count = 0
    steps, ordered = np.empty(size, np.int64), np.empty(size, np.float32)
    last_number, last_vertex = np.full(size, -1, np.int64), np.zeros(size, np.uint32)
    for pixel in range(pixels):
        for i in range(size):
            place = size - 1 - rank[i, pixel]
            steps[place], ordered[place] = along[i], rest[i, pixel]
        if 2 * (count + size) > len(slots):
            slots, numbers = _rehash(numbers, count, 2 * len(slots))
        number, below = first[pixel], ordered[size - 1] - np.float32(size)
        for r in range(size):
            if number != last_number[r]:  # neighbouring pixels share most of their vertices
                slot = _slot(number, slots, numbers)
                if slots[slot] < 0:
                    slots[slot], numbers[count] = count, number
                    count += 1
                last_number[r], last_vertex[r] = number, slots[slot]
            vertices[pixel * size + r] = last_vertex[r]
            weights[pixel * size + r] = (ordered[r] - below) * np.float32(1 / size)
            number, below = number + steps[r], ordered[r]
    return Lattice(vertices, weights, _neighbours(slots, numbers, count, along))
