"""Comparison of a plan with what is in effect."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from wsss.config.model import Config
from wsss.io.provenance import text_digest
from wsss.plan.contents import Contents
from wsss.products import SPLITS


def data_digest(contents: Contents) -> str:
    """Return a digest of images, labels and splits."""
    return text_digest(" ".join(contents.index(split) for split in SPLITS))


def lookup(tree: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401
    """Return the value of a dotted key in nested mappings; None if there is none."""
    value: Any = tree
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def remarks(config: Config, data: str) -> Iterator[str]:
    """Yield a line with what differs from the plan, and one if the data do; none without a plan.

    Args:
        config: the configuration in effect.
        data: what `data_digest` returns now.
    """
    plan = config.plan
    if plan is None:
        return
    now = config.model_dump(mode="json")
    changed = [
        f"{key} {_shown(value)} -> {_shown(lookup(now, key))}"
        for key, value in plan.values.items()
        if lookup(now, key) != value
    ]
    differs = f"overridden: {', '.join(changed)}" if changed else "nothing is overridden"
    yield f"Plan {plan.budget}, {len(plan.values)} values; {differs}"
    if plan.data != data:
        yield (
            "Images or labels changed since the plan was made; for a new plan, run wsss plan again "
            "with your own configuration"
        )


def _shown(value: object) -> str:
    return json.dumps(value)
