"""What a plan of `wsss plan` says about itself in the configuration."""

from typing import Any, Literal, get_args

from wsss.config.section import Section

Budget = Literal["quick", "good", "best"]
"""Effort of a plan."""

BUDGETS: tuple[Budget, ...] = get_args(Budget)


class Planned(Section):
    """A plan, for comparison with what is in effect; no stage reads it."""

    budget: Budget
    """quick = minutes on two cores; good = the recipe for photographs; best = a GPU."""
    data: str
    """Digest of images, labels and splits that it was made for."""
    values: dict[str, Any]
    """Values of the plan by dotted key."""
