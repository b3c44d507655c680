"""Compiled loops of the random walk, which run along all cells of a grid at once."""

import numpy as np

from wsss.ops.lattice_kernels import compiled

BLOCK = 2048
"""Source cells that are walked together, so that the weights of their pairs stay in the cache."""


@compiled
def polynomials(scores, pairs, steps, weights):
    """Sum Chebyshev polynomials of a walk's step, `M = D^-1 W`, times scores.

    Args:
        scores: one row per label (L, N) float32.
        pairs: entries of W between a cell and the one `steps` further, whichever way
            (P, n) float32, n <= N; 0 where this is no pair.
        steps: distances (P,) int64 > 0, cells.
        weights: of the polynomials T_0, T_1, ... (K,) float32.

    Returns:
        (L, N) float32.
    """
    # rows that sum to a little more or less than 1 add up over the steps: in double precision
    scale = 1 / _degrees(pairs, steps, scores.shape[1])
    before, now = np.zeros_like(scores), scores.copy()
    walked = weights[0] * scores
    for number in range(1, len(weights)):
        # T_1 = M T_0, then T_k+1 = 2 M T_k - T_k-1
        factor = 1 if number == 1 else 2
        after = now.copy()
        _add_neighbours(after, now, pairs, steps)
        for label in range(len(scores)):
            for cell in range(scores.shape[1]):
                value = factor * scale[cell] * after[label, cell] - before[label, cell]
                after[label, cell] = value
                walked[label, cell] += weights[number] * value
        before, now = now, after
    return walked


@compiled
def _degrees(pairs, steps, cells):
    """Sum the rows of W (N,) float64, whose diagonal is 1."""
    degrees = np.ones(cells)
    for pair in range(len(steps)):
        step = steps[pair]
        for cell in range(min(pairs.shape[1], cells - step)):
            degrees[cell] += pairs[pair, cell]
            degrees[cell + step] += pairs[pair, cell]
    return degrees


@compiled
def _add_neighbours(out, scores, pairs, steps):
    """Add to each cell the scores of its neighbours, times the weights of the pairs."""
    sources, cells = pairs.shape[1], scores.shape[1]
    for start in range(0, sources, BLOCK):
        for label in range(len(scores)):
            given, taken = scores[label], out[label]
            for pair in range(len(steps)):
                step = steps[pair]
                end = min(start + BLOCK, sources, cells - step)
                weight = pairs[pair, start:end]
                here, there = given[start:end], given[start + step : end + step]
                nearer, further = taken[start:end], taken[start + step : end + step]
                for cell in range(len(weight)):
                    nearer[cell] += weight[cell] * there[cell]
                for cell in range(len(weight)):
                    further[cell] += weight[cell] * here[cell]
