"""Validations of a training at equal distances, and the course of its loss."""

from collections.abc import Callable, Mapping, Sequence

from wsss.data.validation import Validated, Validations
from wsss.engine.evaluation import Evaluation
from wsss.engine.losses import StepLosses
from wsss.io.progress import log
from wsss.nn.task import Progress

TENTH = 20
"""Fewest steps of a tenth of the training whose mean loss is compared with another one's: means of
fewer differ by chance."""


class Validation:
    """Validations of a training.

    Args:
        validations: their number and images; the last one is at the end.
        losses: history of the losses.
        evaluated: returns the evaluation of images.
    """

    def __init__(
        self,
        validations: Validations,
        losses: StepLosses,
        evaluated: Callable[[Validated], Evaluation],
    ) -> None:
        self._count, self._losses = validations.count, losses
        self._evaluations = [evaluated(images) for images in validations.images]

    def after(self, progress: Progress) -> None:
        """Validate after a step if it is time to, and warn of a loss that does not fall.

        Raises:
            UserError: an image cannot be read, or an earlier loss is not finite.
        """
        if is_due(progress.step + 1, progress.total, self._count):
            for evaluation in self._evaluations:
                evaluation.run(progress)
        tenth = progress.total // 10
        if tenth >= TENTH and progress.step + 1 == 2 * tenth:
            self._losses.read()
            if sign := loss_sign(self._losses.table.rows, tenth):
                log.warning("early sign after step %d: %s", 2 * tenth, sign)


def is_due(steps: int, total: int, count: int) -> bool:
    """Return True if one of `count` validations at equal distances comes after so many steps."""
    return steps * count // total > (steps - 1) * count // total


def loss_sign(rows: Sequence[Mapping[str, float]], tenth: int) -> str:
    """Return a sign of failure if the loss of the second tenth is not below that of the first.

    It is the classification loss where there is one, since others, such as the equivariance of
    maps that are still empty, may rise from nothing; else the sum of the first player's.

    Args:
        rows: history, see `LossTable`.
        tenth: steps of a tenth of the training.

    Returns:
        The rest of a sentence; empty without such a sign.
    """
    names = _judged(rows)
    first, second = (
        [row for row in rows if start < row["step"] <= start + tenth] for start in (0, tenth)
    )
    before, after = (sum(_mean(part, name) for name in names) for part in (first, second))
    if not names or after < before:
        return ""
    return (
        f"the loss {' + '.join(names)} does not fall: {before:.3g} in the first tenth of the "
        f"training, {after:.3g} in the second; lower or raise train.lr, or check the labels"
    )


def _judged(rows: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the names of the losses that have to fall."""
    losses = [name for row in rows[:1] for name in row if name not in ("step", "epoch", "lr")]
    of_classes = [name for name in losses if name.rpartition("/")[2] == "cls"]
    player = losses[0].partition("/")[0] if losses else ""
    return of_classes[:1] or [name for name in losses if name.partition("/")[0] == player]


def _mean(rows: Sequence[Mapping[str, float]], name: str) -> float:
    """Return the mean of a loss over rows of about equal length that have it."""
    values = [row[name] for row in rows if name in row]
    return sum(values) / max(1, len(values))
