"""Fixed decisions of a plan: the recipe for photographs, and its changes by budget.

They are files, the same for all data. `good` is `configs/photos.yaml`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wsss.config.files import mapping
from wsss.config.merging import merge
from wsss.config.planned import Budget

_FOLDER = Path(__file__).with_name("budgets")

EMPIRICAL = ("refine", "crf.alphas", "par.alphas", "walk.beta", "walk.logt")
"""Keys whose best value differs between data sets, and that no rule derives."""

_REPLACED = {"backbone.name": "backbone.weights"}
"""Key of a user -> key of the recipe that does not go with it."""


def recipe(budget: Budget) -> dict[str, Any]:
    """Return the recipe of a budget."""
    good = mapping(_FOLDER / "good.yaml")
    return dict(good) if budget == "good" else merge(good, mapping(_FOLDER / f"{budget}.yaml"))


def beside(own: Mapping[str, Any], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe without what does not go with the user's own keys.

    Args:
        own: the user's configuration.
        fixed: the recipe.
    """
    keys = {key for key, _ in leaves(own)}
    without = {replaced for key, replaced in _REPLACED.items() if key in keys}
    return nested({key: value for key, value in leaves(fixed) if key not in without})


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings with their dotted keys."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nested mappings of dotted keys."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        for part in reversed(key.split(".")):
            value = {part: value}
        found = merge(found, value)
    return found
