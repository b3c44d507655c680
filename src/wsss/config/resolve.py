"""From the user's mapping to validated runs, with the path of every wrong key."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from wsss.config import backbones
from wsss.config.model import Config, Run
from wsss.errors import UserError

T = TypeVar("T", bound=BaseModel)


def load(raw: Mapping[str, Any]) -> Config:
    """Validate the whole configuration.

    Raises:
        UserError: unknown keys or wrong values, one line each with the path of the key.
    """
    return _validate(Config, raw, "")


def runs(config: Config) -> dict[str, Run]:
    """Return every named run: the keys at the top of the configuration, overridden by its own.

    A run set to null is left out; without any run there is one, named after the method.

    Raises:
        UserError: a wrong key or value in a run, a backbone that cannot work, or no run at all.
    """
    shared = config.model_dump(mode="json", include=set(Run.model_fields))
    named = config.runs or {config.method: {}}
    resolved, found = {}, []
    for name, own in named.items():
        try:
            if own is not None:
                prefix = f"runs.{name}." if config.runs else ""
                resolved[name] = _validate(Run, merge(shared, own), prefix)
                found += [f"config: {line}" for line in _problems(name, resolved[name], config)]
        except UserError as error:
            found.append(str(error))
    if found:
        raise UserError("\n".join(dict.fromkeys(found)))
    if not resolved:
        raise UserError("config: runs: every run is null; leave one, or empty runs")
    return resolved


def _problems(name: str, run: Run, config: Config) -> Iterator[str]:
    """Yield what is wrong with the backbones of a run, at the place where they were named."""
    own = config.runs.get(name) or {}
    prefix = f"runs.{name}." if "backbone" in own else ""
    yield from backbones.problems(f"{prefix}backbone", run.backbone)
    if run.segment.backbone is not None:
        prefix = f"runs.{name}." if "segment" in own else ""
        yield from backbones.problems(f"{prefix}segment.backbone", run.segment.backbone)


def merge(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the keys of `own` replaced, nested mappings key by key."""
    merged = dict(base)
    for key, value in own.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value
    return merged


def _validate(model: type[T], raw: Mapping[str, Any], prefix: str) -> T:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        lines = [_line(model, problem, prefix) for problem in error.errors()]
        raise UserError("\n".join(f"config: {line}" for line in lines)) from error


def _line(model: type[BaseModel], problem: Mapping[str, Any], prefix: str) -> str:
    *parents, key = problem["loc"] or ("",)
    path = prefix + ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        message = problem["msg"].removeprefix("Value error, ")
        return f"{path.rstrip('.') or 'top level'}: {message} (got {problem['input']!r:.80})"
    close = get_close_matches(str(key), _keys(model, parents), 1)
    return f"{path}: no such key" + (f"; did you mean {close[0]}?" if close else "")


def _keys(model: type[BaseModel], parents: list[str | int]) -> list[str]:
    for part in parents:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        options = (annotation, *getattr(annotation, "__args__", ()))
        nested = [a for a in options if isinstance(a, type) and issubclass(a, BaseModel)]
        if not nested:
            return []
        model = nested[0]
    return list(model.model_fields)
