"""Reasons why artifacts of a plan have to be made: what differs from those that are there."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from wsss.plan.artifact import Artifact
from wsss.plan.artifacts import Plan
from wsss.plan.links import run_links, shared_links
from wsss.plan.origins import Origin, origin, read_origin

NEW = "not made yet"
GONE = "removed or unfinished"
CODE = "another version of the code"
DATA = "other images, labels or files"


@dataclass
class Change:
    """Artifacts that are made for the same reasons.

    Attributes:
        reasons: such as `walk.beta: 8 -> 4`.
        stages: the stages that run, in the order of the chain, and how often.
        runs: the runs that use one of the artifacts.
    """

    reasons: tuple[str, ...]
    stages: dict[str, int] = field(default_factory=dict)
    runs: dict[str, None] = field(default_factory=dict)

    def add(self, artifact: Artifact) -> None:
        """Add an artifact that is to be made."""
        self.stages[artifact.stage] = self.stages.get(artifact.stage, 0) + 1
        self.runs.update(artifact.runs)


def changes(plan: Plan) -> list[Change]:
    """List what a workflow would make, by the reasons for it, in the order of the chain."""
    found: dict[tuple[str, ...], Change] = {}
    known = Reasons(plan)
    for artifact in missing(plan):
        reasons = tuple(known.of(artifact)) or (GONE,)
        found.setdefault(reasons, Change(reasons)).add(artifact)
    return list(found.values())


def missing(plan: Plan) -> list[Artifact]:
    """List the artifacts that a workflow would make, in the order of the chain."""
    made = {artifact.path: artifact for artifact in plan.artifacts.values()}
    waiting = [made[path] for path in plan.targets()]
    needed = set[Artifact]()
    while waiting:
        artifact = waiting.pop()
        if artifact not in needed and not artifact.exists:
            needed.add(artifact)
            read = chain(artifact.inputs.values(), artifact.watched.values())
            waiting += chain.from_iterable(read)
    return [artifact for artifact in plan.artifacts.values() if artifact in needed]


class Reasons:
    """Comparison of the artifacts of a plan with those that the readable names lead to."""

    def __init__(self, plan: Plan) -> None:
        self._old, self._report = _before(plan), plan.report
        self._known: dict[str, dict[str, None]] = {}

    def is_stale(self, artifact: Artifact) -> bool:
        """Return True if the readable name of an artifact leads to another one."""
        folder = self._old.get(artifact.folder)
        return folder is not None and folder != Path(artifact.folder).resolve()

    def of(self, artifact: Artifact) -> dict[str, None]:
        """Return the reasons why an artifact differs from that which is there, in their order."""
        if artifact.key not in self._known:
            self._known[artifact.key] = dict.fromkeys(self._found(artifact))
        return self._known[artifact.key]

    def _found(self, artifact: Artifact) -> Iterator[str]:
        inputs = [one for found in artifact.inputs.values() for one in found]
        folder = self._old.get(artifact.folder)
        if folder is None or folder == Path(artifact.folder).resolve():
            # none is known, or it is the same one: see what it is made from
            reasons = {r: None for one in inputs if not one.exists for r in self.of(one)}
            yield from reasons or (NEW if folder is None else GONE,)
            return
        before, now = read_origin(folder), origin(artifact)
        if before is None:
            yield CODE
            return
        if artifact is not self._report:
            yield from differences(before, now)
        yield from self._of_inputs(artifact, before)

    def _of_inputs(self, artifact: Artifact, before: Origin) -> Iterator[str]:
        """Yield why an artifact is made from others than before."""
        old = {key for keys in before.inputs.values() for key in keys}
        for role, found in artifact.inputs.items():
            for one in found:
                if one.key not in old:
                    reasons = self.of(one)
                    added = NEW in reasons and not before.inputs.get(role)
                    yield from [f"{role}: new input"] if added else reasons


def differences(before: Origin, now: Origin) -> Iterator[str]:
    """Yield what differs between two origins, but for the artifacts that they are made from."""
    old, new = dict(_flat(before.config)), dict(_flat(now.config))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"{key}: {_shown(old, key)} -> {_shown(new, key)}"
    if before.code != now.code:
        yield CODE
    if before.facts != now.facts:
        yield DATA


def _flat(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _shown(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return "-"
    return json.dumps(values[key], ensure_ascii=False)


def _before(plan: Plan) -> dict[str, Path]:
    """Return folder of an artifact of the plan -> folder that its readable name leads to."""
    store = Path(plan.store).resolve()
    folders = {Path(plan.folder, run): names for run, names in run_links(plan).items()}
    found = {}
    for folder, names in {Path(plan.folder): shared_links(plan), **folders}.items():
        for name, target in names.items():
            path = (folder / name).resolve()
            if (folder / name).is_symlink() and path.is_relative_to(store):
                stage, key = path.relative_to(store).parts[:2]
                new = "/".join(Path(target).relative_to(plan.store).parts[:2])
                found[f"{plan.store}/{new}"] = store / stage / key
    return found
