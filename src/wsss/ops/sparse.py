"""Products with sparse matrices."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor


def repeat_step(scores: Tensor, matrix: Tensor, steps: int) -> Tensor:
    """Walk the scores step by step, along any matrix whose rows sum to 1."""
    walked = scores.flatten(1).t().contiguous()
    with sparse_warnings_ignored():
        for _ in range(steps):
            walked = matrix @ walked
    return walked.t().reshape(scores.shape)


@contextmanager
def sparse_warnings_ignored() -> Iterator[None]:
    """Ignore PyTorch's warnings of beta features and, on CUDA, of checks that it skips."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        warnings.filterwarnings("ignore", message="Sparse invariant checks are implicitly")
        yield
