"""Random walk: polynomials of a sparse step beside the dense squaring of PSA's `infer_aff.py`."""

from collections.abc import Iterator
from functools import partial
from math import nan

import torch
from torch import Tensor

from benchmarks.row import Row, alone, beside, interleaved, peak_memory
from wsss.ops.pairs import pair_indices
from wsss.ops.walk import random_walk

LABELS, RADIUS, BETA, LOGT = 3, 5, 8, 8


def rows() -> Iterator[Row]:
    """Yield the rows of a VOC image and of a large one."""
    given = example(47, 63)
    dense, sparse = partial(dense_walk, *given), partial(sparse_walk, *given)
    worst = float((dense() - sparse()).abs().max())
    yield Row(
        "random walk 47 x 63, 256 steps",
        *interleaved(dense, sparse, repeats=2),
        bar=150,
        agreement=f"{worst:.0e}",
        memory=beside(peak_memory(dense), peak_memory(sparse)),
    )
    large = partial(sparse_walk, *example(256, 256))
    yield Row("random walk 256 x 256, 256 steps", nan, alone(large, repeats=1), bar=2.0)


def example(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return random affinities and scores."""
    generator = torch.Generator().manual_seed(0)
    _, end = pair_indices(height, width, RADIUS)
    affinity = torch.rand(end.shape, generator=generator)
    return affinity, torch.rand(LABELS, height, width, generator=generator)


def sparse_walk(affinity: Tensor, scores: Tensor) -> Tensor:
    """Walk along the pairs alone."""
    return random_walk(scores, affinity, RADIUS, BETA, 2**LOGT)


def dense_walk(affinity: Tensor, scores: Tensor) -> Tensor:
    """Square the dense transition matrix LOGT times."""
    start, end = pair_indices(*scores.shape[1:], RADIUS)
    cells = scores[0].numel()
    weights = torch.eye(cells, device=scores.device)
    here = start.expand_as(end)
    weights[here, end] = weights[end, here] = affinity**BETA
    step = weights / weights.sum(1, keepdim=True)
    for _ in range(LOGT):
        step = step @ step
    return (step @ scores.flatten(1).t()).t().reshape(scores.shape)
