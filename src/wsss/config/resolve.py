"""Validation of the user's configuration, with the path of every wrong key, and its runs."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from os.path import isdir, isfile
from reprlib import Repr
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from wsss import runnames
from wsss.config import backbones, networks, segmenters, vits
from wsss.config.licences import of_network, refusal
from wsss.config.merging import merge
from wsss.config.model import METHODS, Config, Run
from wsss.config.sam import sam_problem
from wsss.errors import UserError
from wsss.names import closest
from wsss.pipeline import STEPS

__all__ = ["has_first_run", "load", "merge", "runs"]

T = TypeVar("T", bound=BaseModel)

_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = 80


def load(raw: Mapping[str, Any]) -> Config:
    """Validate the whole configuration.

    Raises:
        UserError: unknown keys or wrong values, one line each with the path of the key.
    """
    return _validate(Config, raw, "")


def runs(config: Config) -> dict[str, Run]:
    """Return every run by its name: the shared keys, overridden by its own.

    A run set to null is left out; without any run there is one, named after the method. A run
    with `seeds` is repeated per seed, as `name.seed`. A method that is trained with boundary maps
    has its first run before it, as `name.first`, unless another source of the maps is given.
    Earlier rounds of its segmenter are `name.round1`, ..., the upper bound is `name.bound`.

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
                for full, run in _expanded(name, merge(shared, own), prefix).items():
                    resolved[full] = run
                    which = full if runnames.is_first(full) else name
                    found += [f"config: {line}" for line in _problems(which, run, config)]
        except UserError as error:
            found.append(str(error))
    if not found:
        found = [f"config: {line}" for line in _boundary_problems(resolved)]
    if found:
        raise UserError("\n".join(dict.fromkeys(found)))
    if not resolved:
        raise UserError("config: runs: every run is null; leave one, or empty runs")
    return resolved


def _expanded(name: str, raw: dict[str, Any], prefix: str) -> dict[str, Run]:
    """Return a run, or one per seed, each between the runs that it needs or asks for."""
    run = _validate(Run, raw, prefix)
    repeats = {f"{name}.{seed}": {"seed": seed, "seeds": []} for seed in run.seeds}
    resolved = {}
    for full, own in (repeats or {name: {}}).items():
        repeated = merge(raw, own)
        if has_first_run(run):
            changes = {"until": "refine", "upper_bound": False, "cam": {"checkpoint": None}}
            first = merge(merge(repeated, changes | {"seeds": []}), run.boundaries.first)
            resolved[runnames.first(full)] = _first(first, f"{prefix}boundaries.first.")
        for derived, changes in _segmenters(full, run):
            resolved[derived] = _validate(Run, merge(repeated, changes), prefix)
    return resolved


def _segmenters(name: str, run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a run between those that train its segmenter otherwise, with the keys that differ."""
    alone = {"upper_bound": False}
    if run.until == STEPS[-1] and run.relabels():
        for number in range(1, run.segment.rounds):
            yield runnames.round_before(name, number), alone | {"segment": {"rounds": number}}
    yield name, {}
    if run.upper_bound:
        yield runnames.bound(name), alone | {"segment": {"rounds": 1, "train": {"masks": True}}}


def _first(raw: dict[str, Any], prefix: str) -> Run:
    run = _validate(Run, raw, prefix)
    if run.learns_boundaries():
        raise UserError(f"config: {prefix}method: {run.method} needs boundaries itself")
    if run.seeds:
        raise UserError(f"config: {prefix}seeds: the first run has the seed of its run")
    return run


def has_first_run(run: Run) -> bool:
    """Return True if a first run is trained for the boundary maps of this one."""
    given = run.boundaries.run or run.boundaries.folder
    return run.needs_boundaries() and not given


def _problems(name: str, run: Run, config: Config) -> Iterator[str]:
    """Yield the mistakes in the files and backbones of a run, each behind its key."""
    own = config.runs.get(name.partition(".")[0]) or {}
    first = runnames.is_first(name)

    def place(key: str) -> str:
        if first:
            return f"{runnames.main(name)}, boundaries.first.{key}"
        return f"runs.{name}.{key}" if key.partition(".")[0] in own else key

    yield from _backbone_problems(run, place, config.accept_license)
    yield from _segmenter_problems(run, place, config.accept_license)
    yield from vits.problems(run, place)
    yield from _refiner_problems(run, place, first)
    yield from _checkpoint_problems(run, place)
    yield from _untrained_problems(run, place)
    yield from _walk_problems(run, place)
    if model := run.sam.model:
        refused = refusal(model, of_network(model), config.accept_license)
        if text := sam_problem(model) or refused:
            yield f"{place('sam.model')}: {text}"
    if run.cam.checkpoint:
        return
    for method, params in run.options().items():
        for option, text in params.problems(run.cam.train):
            yield f"{place(f'cam.{method}.{option}')}: {text}"
    if run.learns_boundaries() and run.cam.train.sampling == "area":
        yield f"{place('cam.train.sampling')}: area does not go with boundary maps; use long_side"
    idle = (own.get("cam") or {}).keys() & METHODS.params.keys() - run.options().keys()
    if not first and not has_first_run(run):
        yield from (f"runs.{name}.cam.{m}: does nothing for method {run.method}" for m in idle)


def _backbone_problems(
    run: Run, place: Callable[[str], str], accepted: Collection[str]
) -> Iterator[str]:
    """Yield the mistakes in the backbones of a run."""
    entry = backbones.BACKBONES.get(run.backbone.name)
    if entry is not None and entry.segmenter_only:
        yield f"{place('backbone.name')}: {run.backbone.name} is for segment.backbone alone"
    trained = run.starts_from_weights()
    if run.backbone.weights or trained - ({"segment"} if run.segment.backbone else set()):
        yield from backbones.problems(place("backbone"), run.backbone, accepted)
    if run.segment.backbone is not None and "segment" in trained:
        yield from backbones.problems(place("segment.backbone"), run.segment.backbone, accepted)
    for option, backbone in run.further_backbones().items():
        if backbone != run.backbone:
            yield from backbones.problems(place(f"cam.{option}"), backbone, accepted)


def _segmenter_problems(
    run: Run, place: Callable[[str], str], accepted: Collection[str]
) -> Iterator[str]:
    """Yield what is missing for a segmenter of an optional library."""
    if run.until != STEPS[-1]:
        return
    if advice := segmenters.not_installed(run.segment.segmenter):
        yield f"{place('segment.segmenter')}: {advice}"
    if run.segment.own_backbone():
        if run.segment.checkpoint:
            yield f"{place('segment.checkpoint')}: name the folder in segment.hf.weights instead"
        architecture = run.segment.segmenter.partition("/")[2]
        for text in networks.problems(architecture, run.segment.hf.weights, accepted):
            yield f"{place('segment.hf.weights')}: {text}"


def _checkpoint_problems(run: Run, place: Callable[[str], str]) -> Iterator[str]:
    """Yield the published checkpoints that are missing or leave a key without meaning."""
    given = {
        "cam": run.cam.checkpoint,
        "affinity.irn": run.affinity.irn.checkpoint,
        "segment": run.segment.checkpoint,
    }
    for section, path in given.items():
        if path and not isfile(path):  # noqa: PTH113 Path.is_file fails on some names
            yield f"{place(f'{section}.checkpoint')}: no such file: {path}"
    if run.upper_bound and (run.until != STEPS[-1] or run.segment.checkpoint):
        yield f"{place('upper_bound')}: true compares trained segmenters, but the run trains none"


def _untrained_problems(run: Run, place: Callable[[str], str]) -> Iterator[str]:
    """Yield what needs a trained classifier, if the method of a run trains none."""
    if run.trains_classifier():
        return
    if run.cam.checkpoint:
        yield f"{place('cam.checkpoint')}: {run.method} is not trained; leave it null"
    steps = STEPS[: STEPS.index(run.until) + 1]
    init = "affinity.irn.train.init" if run.affinity.source == "irn" else "affinity.train.init"
    needed = {
        init: "walk" in steps and run.learns_affinity_from("cam"),
        "affinity.features.of": "walk" in steps and run.compares("classifier"),
        "segment.train.init": "segment" in steps and run.segment_starts_from_classifier(),
    }
    for key in (key for key, wrong in needed.items() if wrong):
        value = "classifier" if key.endswith("of") else "cam"
        yield f"{place(key)}: {value}, but {run.method} trains no backbone; set it to backbone"


def _walk_problems(run: Run, place: Callable[[str], str]) -> Iterator[str]:
    """Yield what IRNet's walk has no use for."""
    if run.affinity.source == "irn" and run.walk.maps == "refined":
        yield f"{place('walk.maps')}: irn walks the class activation maps alone; use cam"


def _refiner_problems(run: Run, place: Callable[[str], str], first: bool) -> Iterator[str]:
    """Yield what needs the refined maps of a run, if it makes none."""
    if run.refine != "none":
        return
    if first:
        yield f"{place('refine')}: none makes no maps to compute boundaries from"
    steps = STEPS[: STEPS.index(run.until) + 1]
    if "walk" not in steps:
        return
    if run.affinity.source == "learned":
        yield f"{place('refine')}: none gives AffinityNet no labels; set affinity.source: features"
    if run.affinity.source == "none":
        yield f"{place('affinity.source')}: none takes refined maps, but there are none; use crf"
    if run.walk.maps == "refined":
        yield f"{place('walk.maps')}: there are no refined maps with refine: none; use cam"
    if "segment" in steps and run.learns_confident_pixels():
        yield f"{place('segment.train.pixels')}: no refined maps with refine: none; use all"


def _boundary_problems(resolved: Mapping[str, Run]) -> Iterator[str]:
    """Yield the mistakes in the sources of the runs' boundary maps."""
    refined = [
        name for name, run in resolved.items() if run.until != "cam" and run.refine != "none"
    ]
    for name, run in resolved.items():
        source, folder = run.boundaries.run, run.boundaries.folder
        if not run.needs_boundaries():
            continue
        if source and folder:
            yield f"run {name}: boundaries: run and folder exclude each other"
        others = [other for other in refined if other != name]
        if source and source not in others:
            yield (
                f"run {name}: boundaries.run: {source!r} is no other run that reaches refine; "
                f"there are: {', '.join(others) or 'none'}"
            )
        elif source and _waits_for(source, name, resolved):
            yield f"run {name}: boundaries.run: {name} and {source} wait for each other"
        if folder and not isdir(folder):  # noqa: PTH112 as does Path.is_dir
            yield f"run {name}: boundaries.folder: no such folder: {folder}"


def _waits_for(run: str, other: str, resolved: Mapping[str, Run]) -> bool:
    """Return True if a run's boundary maps come from another one, directly or not."""
    seen: set[str] = set()
    while run in resolved and run not in seen:
        seen.add(run)
        if not resolved[run].needs_boundaries():
            return False
        run = resolved[run].boundaries.run or ""
        if run == other:
            return True
    return False


def _validate(model: type[T], raw: Mapping[str, Any], prefix: str) -> T:
    if found := list(_binary(raw, prefix.rstrip("."))):
        raise UserError("\n".join(f"config: {path}: !!binary; write it as text" for path in found))
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        lines = [_line(model, problem, prefix) for problem in error.errors()]
        raise UserError("\n".join(f"config: {line}" for line in lines)) from error


def _binary(value: object, path: str) -> Iterator[str]:
    """Yield the paths of binary data, which no key takes."""
    if isinstance(value, bytes):
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _binary(inner, f"{path}.{_printable(str(key))}".lstrip("."))
    elif isinstance(value, list | tuple | set):
        for number, inner in enumerate(value):
            yield from _binary(inner, f"{path}.{number}")


def _line(model: type[BaseModel], problem: Mapping[str, Any], prefix: str) -> str:
    *parents, key = problem["loc"] or ("",)
    path = prefix + ".".join(_printable(str(part)) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "string_type":
            message = _unquoted(problem["input"]) or message
        if problem["type"] == "string_pattern_mismatch":
            signs = problem["ctx"]["pattern"].rpartition("A-Za-z0-9")[2].partition("]")[0]
            message = f"use letters, digits and {' '.join(signs)} alone, a letter or digit first"
        got = _BRIEF.repr(problem["input"])
        return f"{path.rstrip('.') or 'top level'}: {message} (got {got:.80})"
    hint = closest(str(key), _keys(model, parents))
    return f"{path}: no such key" + (f"; {hint}" if hint else "")


def _unquoted(value: object) -> str:
    """Return why YAML did not read a text as one; empty if it is no scalar."""
    if isinstance(value, bool):
        words = "yes, on and true" if value else "no, off and false"
        return f"YAML reads {words} as a truth value; put the text into quotes"
    if isinstance(value, int | float):
        return "YAML reads digits such as 01 and 12:30 as a number; put the text into quotes"
    if isinstance(value, date):
        return "YAML reads 2024-01-31 as a date; put the text into quotes"
    if value is None:
        return "YAML reads null, ~ and an empty place as nothing; put the text into quotes"
    return ""


def _printable(key: str) -> str:
    """Return a key without line breaks and control characters."""
    return key if key.isprintable() else repr(key)


def _keys(model: type[BaseModel], parents: list[str | int]) -> list[str]:
    for part in parents:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        options = (annotation, *getattr(annotation, "__args__", ()))
        nested = [a for a in options if isinstance(a, type) and issubclass(a, BaseModel)]
        if not nested:
            return []
        model = nested[0]
    return list(model.model_fields)
