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
def _slot(number, numbers, bits):
    """Find where a number is in a hash table of open addressing, or would be put.

    The table has 2^bits slots; the highest bits of a product spread numbers that are close
    (Fibonacci hashing, Knuth, TAOCP vol. 3, section 6.4).
    """
    mask = np.uint64(len(numbers) - 1)
    mixed = np.uint64(number) * np.uint64(11400714819323198485)  # 2^64 over the golden ratio
    slot = mixed >> np.uint64(64 - bits)
    while numbers[slot] != number and numbers[slot] >= 0:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def _grown(numbers, vertices, bits):
    """Make a hash table of 2^bits slots with the content of a smaller one."""
    more, theirs = np.full(1 << bits, -1, np.int64), np.empty(1 << bits, np.uint32)
    for old in range(len(numbers)):
        if numbers[old] >= 0:
            slot = _slot(numbers[old], more, bits)
            more[slot], theirs[slot] = numbers[old], vertices[old]
    return more, theirs


@compiled
def _neighbours(numbers, vertices, bits, count, along):
    found = np.full((len(along), count + 1, 2), count, np.uint32)
    for axis in range(len(along)):
        for slot in range(len(numbers)):
            if numbers[slot] >= 0:
                ahead = _slot(numbers[slot] + along[axis], numbers, bits)
                if numbers[ahead] >= 0:
                    found[axis, vertices[slot], 0] = vertices[ahead]
                    found[axis, vertices[ahead], 1] = vertices[slot]
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
    # a hash table from numbers of lattice points to their vertices; -1 = a free slot
    bits, count = 14, 0
    known, theirs = np.full(1 << bits, -1, np.int64), np.empty(1 << bits, np.uint32)
    steps, ordered = np.empty(size, np.int64), np.empty(size, np.float32)
    for pixel in range(pixels):
        for i in range(size):
            place = size - 1 - rank[i, pixel]
            steps[place], ordered[place] = along[i], rest[i, pixel]
        if 2 * (count + size) > len(known):
            bits += 1
            known, theirs = _grown(known, theirs, bits)
        number, below = first[pixel], ordered[size - 1] - np.float32(size)
        for r in range(size):
            slot = _slot(number, known, bits)
            if known[slot] < 0:
                known[slot], theirs[slot] = number, count
                count += 1
            vertices[pixel * size + r] = theirs[slot]
            weights[pixel * size + r] = (ordered[r] - below) * np.float32(1 / size)
            number, below = number + steps[r], ordered[r]
    return Lattice(vertices, weights, _neighbours(known, theirs, bits, count, along))
