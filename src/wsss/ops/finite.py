"""The check that scores are finite, before labels or maps are made of them."""

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Scores = TypeVar("Scores", "np.ndarray", "Tensor")


class NotFiniteError(ValueError):
    """Scores hold NaN or an infinity; the argmax of such scores would be the background."""


def finite(scores: Scores, what: str) -> Scores:
    """Return scores of any shape that are finite.

    Args:
        scores: the scores, an array or a tensor on any device.
        what: their name in the error, such as `logits`.

    Raises:
        NotFiniteError: a number of them is NaN or infinite.
    """
    if not _is_finite(scores):
        raise NotFiniteError(what)
    return scores


def _is_finite(scores: "np.ndarray | Tensor") -> bool:
    if isinstance(scores, np.ndarray):
        return bool(np.isfinite(scores).all())
    # the extremes are NaN if a number is, and take one pass
    return all(bool(extreme.isfinite()) for extreme in scores.aminmax())
