"""Check of the masks that runs learn from, before anything is trained."""

from collections.abc import Mapping

from wsss.config.model import Run
from wsss.errors import UserError
from wsss.pipeline import STEPS


def check_learnt_masks(runs: Mapping[str, Run], masked: int | None) -> None:
    """Check that there are masks if a run learns from some.

    Args:
        runs: the runs by name.
        masked: number of training images with a mask; None = not known yet.

    Raises:
        UserError: a run learns from masks of training images, and there are none.
    """
    learning = [name for name, one in runs.items() if one.until == STEPS[-1] and one.learns_masks()]
    if learning and masked == 0:
        raise UserError(
            f"run {learning[0]}: segment.train.masks or upper_bound is true, but no training image "
            "has a mask; name masks in the data set, or set it to false"
        )
