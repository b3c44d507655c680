"""A plan: the user's keys, the recipe beside them, and what the rules derive."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wsss.config.merging import merge
from wsss.config.planned import Budget, Planned
from wsss.config.resolve import load, runs
from wsss.planning.fingerprint import Fingerprint
from wsss.planning.planned import lookup
from wsss.planning.recipe import beside, leaves, nested, recipe
from wsss.planning.rules import RULES, Choice


@dataclass(frozen=True)
class Planning:
    """A plan and where its values are from.

    Attributes:
        own: the user's configuration.
        fixed: values of the recipe by dotted key, those that are in effect.
        choices: values of the rules by dotted key.
        changed: those that are not what the recipe has.
        planned: what the plan says about itself.
    """

    own: Mapping[str, Any]
    fixed: dict[str, Any]
    choices: dict[str, Choice]
    changed: list[Choice]
    planned: Planned

    def tree(self) -> dict[str, Any]:
        """Return the configuration as nested mappings, the user's keys first."""
        derived = {key: choice.value for key, choice in self.choices.items()}
        return merge(self.own, nested(self.fixed | derived))


def make_plan(own: Mapping[str, Any], budget: Budget, found: Fingerprint) -> Planning:
    """Return the plan for a data set and a machine.

    Args:
        own: the user's configuration; its keys win over the recipe and the rules.
        budget: effort.
        found: the data set and the machine.

    Raises:
        UserError: the user's keys do not go with the recipe.
    """
    mine = {key for key, _ in leaves(own)}
    fixed = dict(leaves(beside(own, recipe(budget))))
    values = merge(nested(fixed), own)
    before = load(values).model_dump(mode="json")
    choices: dict[str, Choice] = {}
    for rule in RULES:
        new = [choice for choice in rule(found, load(values)) if choice.key not in mine]
        choices |= {choice.key: choice for choice in new}
        values = merge(values, nested({choice.key: choice.value for choice in new}))
    config = load(values)
    runs(config)  # mistakes in backbones and their files
    fixed = {key: value for key, value in fixed.items() if key not in mine | choices.keys()}
    effective = config.model_dump(mode="json")
    in_effect = {key: lookup(effective, key) for key in [*fixed, *choices]}
    changed = [one for key, one in choices.items() if in_effect[key] != lookup(before, key)]
    planned = Planned(budget=budget, data=found.data, values=in_effect)
    return Planning(own, fixed, choices, changed, planned)
