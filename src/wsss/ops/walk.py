"""Random walk of scores along affinities (AffinityNet, Ahn & Kwak, CVPR 2018, section 3.4)."""

from functools import cache
from itertools import accumulate
from math import comb

import numpy as np
import torch
from torch import Tensor

from wsss.ops.pairs import offsets, pair_indices, windows
from wsss.ops.sparse import sparse_warnings_ignored


def random_walk(scores: Tensor, affinity: Tensor, radius: int, beta: float, steps: int) -> Tensor:
    """Walk the scores a number of steps along the affinities of neighbouring cells.

    The published code squares a dense matrix logt times. Here the sum of few Chebyshev polynomials,
    see `_power_weights`, takes the place of its power: about `6 sqrt(steps)` products of the pairs
    with the scores. On the CPU they are computed by compiled loops, elsewhere by a sparse matrix.

    Args:
        scores: Scores (L, h, w) float32, of the labels present only: a row of zeros stays zero.
        affinity: Affinities of the pairs (P, n) float32 in [0, 1], see `pairs.pair_indices`.
        radius: Radius of the pairs, cells.
        beta: Exponent >= 0; the larger, the fewer steps cross weak affinities.
        steps: Number of steps >= 0.

    Returns:
        Scores (L, h, w); each cell lies between the minimum and maximum of its label's scores.

    Raises:
        ValueError: The grid is too small for the radius.
    """
    h, w = scores.shape[1:]
    if affinity.device.type == "cpu":
        from wsss.ops.walk_kernels import polynomials

        pairs, distances = _pairs_along_cells(affinity**beta, h, w, radius)
        weights = np.array(_power_weights(steps), np.float32)
        given = np.ascontiguousarray(scores.flatten(1).numpy())
        walked = torch.from_numpy(polynomials(given, pairs, distances, weights))
    else:
        matrix = transition(affinity, h, w, *pair_indices(h, w, radius), beta)
        walked = matrix_power(scores.flatten(1).t().contiguous(), matrix, steps).t()
    low, high = scores.flatten(1).aminmax(dim=1, keepdim=True)
    return walked.clamp(low, high).reshape(scores.shape)


def _pairs_along_cells(
    weight: Tensor, h: int, w: int, radius: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (P, n) of pairs for all cells of rows with sources, and the pairs' reach."""
    (rows, columns), _ = windows(h, w, radius)
    around = offsets(radius)
    pairs = np.zeros((len(around), rows.stop, w), np.float32)
    within = pairs[:, :, columns]
    within[:] = weight.numpy().reshape(within.shape)
    distances = np.array([dy * w + dx for dy, dx in around], np.int64)
    return pairs.reshape(len(around), rows.stop * w), distances


def transition(
    affinity: Tensor, h: int, w: int, source: Tensor, target: Tensor, beta: float
) -> Tensor:
    """Build the matrix of one step of the walk, `M = D^-1 W` with `W = affinity ^ beta`.

    W is symmetric with ones on the diagonal and zeros between cells that are no pair. Every row of
    M sums to 1, so a step `M @ x` replaces each cell by a convex combination of its neighbours; it
    equals `x^T T` with the column-normalised `T` of PSA (`infer_aff.py`), because W is symmetric.

    Args:
        affinity: Affinities of the pairs (P, n), in [0, 1].
        h: Height of the grid, cells.
        w: Width of the grid, cells.
        source: Source cells (n,) int64, on the CPU.
        target: Their neighbours (P, n) int64, on the CPU; no pair twice, in neither direction.
        beta: Exponent >= 0; the larger, the fewer steps cross weak affinities.

    Returns:
        Sparse CSR matrix (N, N) on the device of `affinity`, with int32 indices.
    """
    # entries of W: every pair in both directions (P n,), ones on the diagonal (N,)
    cells, device = h * w, affinity.device
    weight = (affinity**beta).reshape(-1)
    here, there = source.expand_as(target).reshape(-1), target.reshape(-1)
    self_loop = torch.arange(cells)
    rows = torch.cat([here, there, self_loop])
    columns = torch.cat([there, here, self_loop])
    values = torch.cat([weight, weight, weight.new_ones(cells)])

    # row by row, as CSR wants it; a stable sort makes use of the order that there is already
    order = torch.from_numpy(np.argsort((rows * cells + columns).numpy(), kind="stable"))
    starts = torch.zeros(cells + 1, dtype=torch.int32)
    starts[1:] = torch.bincount(rows, minlength=cells).cumsum(0)

    # divide each row by its sum
    rows = rows.to(device)
    degree = weight.new_zeros(cells).index_add_(0, rows, values)
    values = (values / degree[rows])[order.to(device)]
    with sparse_warnings_ignored():
        return torch.sparse_csr_tensor(
            starts.to(device),
            columns[order].int().to(device),
            values,
            (cells, cells),
            check_invariants=True,
        )


def matrix_power(scores: Tensor, matrix: Tensor, steps: int) -> Tensor:
    """Multiply scores with the power of a matrix.

    Args:
        scores: Scores (N, L).
        matrix: Sparse matrix (N, N) from `transition`; its eigenvalues are real and in [-1, 1].
        steps: Exponent >= 0.

    Returns:
        Scores (N, L).
    """
    weights = _power_weights(steps)
    before, polynomial = torch.zeros_like(scores), scores
    walked = weights[0] * scores
    with sparse_warnings_ignored():
        for number, weight in enumerate(weights[1:]):
            # T_1 = M T_0, then T_k+1 = 2 M T_k - T_k-1
            product = (matrix @ polynomial).mul_(2 if number else 1).sub_(before)
            before, polynomial = polynomial, product
            walked.add_(polynomial, alpha=weight)
    return walked


@cache
def _power_weights(steps: int, missing: float = 1e-7) -> list[float]:
    """Weigh the Chebyshev polynomials T_0, T_1, ... in `x ^ steps`, without those of no effect.

    The weight of T_k is the probability that `steps` tosses of a coin end k apart (Sachdeva &
    Vishnoi, Faster Algorithms via Approximation Theory, 2014, section 3): most lie within a few
    `sqrt(steps)`. The weights left out sum to at most `missing`, which bounds the error.
    """
    weights = [
        0.0
        if (steps - apart) % 2
        else (1 + (apart > 0)) * comb(steps, (steps - apart) // 2) / 2**steps
        for apart in range(steps + 1)
    ]
    rest = list(accumulate(reversed(weights)))[::-1]
    kept = weights[: sum(share > missing for share in rest)]
    # constant scores stay what they are
    return [weight / sum(kept) for weight in kept]
