"""The file `plan.yaml`: a configuration with the reason of every value behind it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from wsss.planning.fingerprint import Fingerprint
from wsss.planning.planner import Planning
from wsss.planning.recipe import EMPIRICAL

_HEAD = """\
Edit it as you like; a run says at its start what differs from the plan.

Values without a comment are those of your configuration. The others are

recipe:    fixed, the same for all photographs
rule:      derived from fingerprint.json
empirical: of the recipe, but the best value differs from data set to data set, and no rule knows
           it; compare some in `runs`, which `wsss best` ranks"""

_VALUES = "what was planned, for comparison with the values above, which are in effect"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Write a value out wherever it occurs."""
        return True


def plan_text(made: Planning, found: Fingerprint, limits: Sequence[str], path: str) -> str:
    """Return the content of `plan.yaml`.

    Args:
        made: the plan.
        found: what it was made for.
        limits: what no recipe can mend.
        path: path of the file, for the command that runs it.
    """
    head = [
        f"Plan {made.planned.budget} for {found.name}: {counted(found)}; {found.hardware}",
        "",
        f"    wsss run {path}",
        "",
        *_HEAD.splitlines(),
    ]
    if limits:
        head += ["", "No recipe can mend:", *(f"* {line}" for line in limits)]
    lines = [f"# {line}".rstrip() for line in head]
    plan = made.planned.model_dump(mode="json")
    notes = _notes(made) | {"plan.values": _VALUES}
    body = [*mapping_lines(made.tree(), notes), "", *mapping_lines({"plan": plan}, notes)]
    return "\n".join([*lines, "", *body]) + "\n"


def counted(found: Fingerprint) -> str:
    """Return the number of images and classes of a data set."""
    train, val = found.splits["train"].images, found.splits["val"].images
    classes = len(found.classes)
    return f"{train} + {val} images, {classes} class{'es' * (classes != 1)}"


def _notes(made: Planning) -> dict[str, str]:
    fixed = {
        key: "empirical" if any(f"{key}.".startswith(f"{one}.") for one in EMPIRICAL) else "recipe"
        for key in made.fixed
    }
    return fixed | {key: f"rule: {choice.reason}" for key, choice in made.choices.items()}


def mapping_lines(
    tree: Mapping[str, Any], notes: Mapping[str, str], prefix: str = "", depth: int = 0
) -> Iterator[str]:
    """Yield the lines of nested mappings as YAML.

    Args:
        tree: the mappings.
        notes: comments by dotted key.
        prefix: dotted key of the mapping, with a dot behind it.
        depth: nesting of the mapping.
    """
    for key, value in tree.items():
        name, note = f"{prefix}{key}", notes.get(f"{prefix}{key}")
        comment = f"  # {note}" if note else ""
        start = f"{'  ' * depth}{scalar(key)}:"
        if isinstance(value, Mapping) and value:
            yield start + comment
            yield from mapping_lines(value, notes, f"{name}.", depth + 1)
        else:
            yield f"{start} {scalar(value)}{comment}"


def scalar(value: object) -> str:
    """Return a value as YAML on one line."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=float("inf")
    )
    return text.removesuffix("\n").removesuffix("\n...")
