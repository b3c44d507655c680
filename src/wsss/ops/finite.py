"""The check that scores are finite, before labels or maps are made of them."""

from typing import TypeVar

import numpy as np

Scores = TypeVar("Scores", bound=np.ndarray)


class NotFiniteError(ValueError):
    """Scores hold NaN or an infinity; the argmax of such scores would be the background."""


def finite(scores: Scores, what: str) -> Scores:
    """Return scores of any shape that are finite.

    Args:
        scores: the scores.
        what: their name in the error, such as `logits`.

    Raises:
        NotFiniteError: a number of them is NaN or infinite.
    """
    if not np.isfinite(scores).all():
        raise NotFiniteError(what)
    return scores
