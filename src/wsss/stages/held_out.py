"""Held-out parts of the training images, by which a training ends early."""

from collections.abc import Callable, Sequence

from wsss.config.training import StoppedTrain
from wsss.data.held_out import hold_out
from wsss.io.index import Item
from wsss.io.progress import log

NO_JITTER = (0.0, 0.0, 0.0, 0.0)
"""Colour jitter of images that are evaluated."""


def divide(
    items: Sequence[Item],
    train: StoppedTrain,
    seed: int,
    comparable: Callable[[Sequence[Item]], bool] = bool,
) -> tuple[Sequence[Item], Sequence[Item]]:
    """Return the images to learn from and the held-out ones; none without early stopping.

    Args:
        items: the training images.
        train: settings of the training.
        seed: seed of the choice.
        comparable: False for images on which the metric cannot tell networks apart; nothing is
            held out then.
    """
    if train.early_stopping is None:
        return items, ()
    learnt, held = hold_out(items, train.early_stopping.held_out, seed)
    if not comparable(held):
        log.warning(
            "early_stopping: %d images are too few to hold some out; the training has its full "
            "length",
            len(items),
        )
        return items, ()
    log.info("%d of %d images are held out", len(held), len(items))
    return learnt, held


def can_be_ranked(items: Sequence[Item]) -> bool:
    """Return True if some of the images, and not all, have a class in common."""
    count = len(items)
    present = [label for item in items for label in item.classes]
    return any(0 < present.count(label) < count for label in set(present))
