"""Slices of the configuration: the keys that each stage may see.

The slice of a stage reaches it as canonical JSON and is the only configuration it gets, so that
nothing outside the key of an artifact can influence it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from wsss.config import segmenters
from wsss.config.methods import parts
from wsss.config.model import METHODS, Config, Run
from wsss.config.refiners import REFINERS
from wsss.config.resolve import load
from wsss.config.section import Section
from wsss.errors import UserError
from wsss.pipeline import STAGES

T = TypeVar("T", bound=Section)


def canonical(value: object) -> str:
    """Return JSON with sorted keys; equal values give equal text.

    Raises:
        ValueError, TypeError: JSON cannot hold the value, hence it could not be compared.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def slice_json(stage: str, config: Run) -> str:
    """Return the slice of the configuration that a stage may see, as canonical JSON.

    Inactive keys are reset to their defaults.
    """
    return slice_of(stage, effective(config))


def effective(config: Run) -> dict[str, Any]:
    """Return a configuration as plain values, inactive keys at their defaults."""
    return config.effective().model_dump(mode="json")


def slice_of(stage: str, whole: Mapping[str, Any]) -> str:
    """Return the slice of what `effective` returned, as `slice_json` does."""
    chosen: dict[str, Any] = {}
    refiner = REFINERS[whole["refine"]]
    active = {
        "{method}": parts(whole["method"]),
        "{untrained}": [m for m in parts(whole["method"]) if not METHODS.params[m].trained],
        "{segmenter}": (segmenters.section(whole["segment"]["segmenter"]),),
        "{refiner}": refiner.keys,
        "{alphas}": [f"{refiner.exponents}.alphas"] if refiner.exponents else [],
    }
    for key in _expanded(STAGES[stage].keys, active):
        *parents, last = key.split(".")
        source, target = whole, chosen
        try:
            for part in parents:
                source, target = source[part], target.setdefault(part, {})
            target[last] = source[last]
        except KeyError as error:
            raise UserError(f"pipeline: stage {stage}: the configuration has no {key}") from error
    return canonical(chosen)


def _expanded(keys: Sequence[str], active: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the keys, those with a placeholder once for each of its active values."""
    for key in keys:
        name = next((name for name in active if name in key), "")
        yield from (key.replace(name, value) for value in active[name]) if name else (key,)


def read_slice(text: str) -> Config:
    """Return a configuration that has the keys of a slice alone; others are AttributeErrors.

    Raises:
        UserError: the text is not a valid part of the configuration.
    """
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--config: not JSON ({error})") from error
    return _only(load(raw), raw)


def _only(section: T, raw: Mapping[str, Any]) -> T:
    """Return a copy of a section without the keys that `raw` does not have."""
    part = section.model_copy()
    for key in type(section).model_fields:
        value = getattr(section, key)
        if key not in raw:
            del part.__dict__[key]
        elif isinstance(value, Section) and isinstance(raw[key], Mapping):
            part.__dict__[key] = _only(value, raw[key])
    return part
