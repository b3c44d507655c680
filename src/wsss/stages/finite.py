"""Errors for scores that are not finite, which name the image and the source of the scores."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsss.errors import UserError
from wsss.ops.finite import NotFiniteError

_RETRAIN = "train it again, with a lower learning rate"


@contextmanager
def finite_scores(image: Path | str, source: Path, remedy: str = _RETRAIN) -> Iterator[None]:
    """Name the image and the source of scores that are not finite, computed in the block.

    Args:
        image: the image.
        source: the model, or the record of maps, that the scores come from.
        remedy: advice.

    Raises:
        UserError: the block raises `NotFiniteError`.
    """
    try:
        yield
    except NotFiniteError as error:
        raise UserError(
            f"{image}: {source} gives numbers for it that are not finite ({error}); {remedy}"
        ) from error
