import pytest
import yaml

from tests.workflow.conftest import MICRO, ROOT
from wsss.config.merging import merge
from wsss.config.resolve import load
from wsss.plan.artifacts import Plan

SHIPPED = yaml.safe_load((ROOT / "config.yaml").read_text())


class Contents:
    """Digests that a test can change, and numbers of images."""

    def __init__(self, images=None, **changed):
        self.sizes = images or {"train": 320, "val": 64}
        self.changed = changed

    def _of(self, *words):
        return self.changed.get("_".join(words), "same")

    def index(self, split):
        return self._of("index", split)

    def masks(self, split):
        return self._of("masks", split)

    def drawn(self, split):
        return self._of("drawn", split)

    def tiles(self):
        return self._of("tiles")

    def file(self, path):
        return self._of("file")

    def folder(self, path, patterns):
        return self._of("folder")

    def images(self, split):
        return self.sizes.get(split)


@pytest.fixture
def planned(tmp_path):
    """Plan the shipped configuration on micro data with changes, in a temporary results folder."""

    def plan(*changes, contents=None):
        raw = merge(merge(SHIPPED, MICRO), {"results": str(tmp_path / "results")})
        for change in changes:
            raw = merge(raw, change)
        return Plan(load(raw), contents or Contents())

    return plan


def stages(plan):
    """How many artifacts each stage makes."""
    found = {}
    for artifact in plan.artifacts.values():
        found[artifact.stage] = found.get(artifact.stage, 0) + 1
    return found


def fresh(plan, *others):
    """The stages of a plan that make something which the other plans do not have."""
    known = set().union(*(other.artifacts for other in others))
    return {a.stage for key, a in plan.artifacts.items() if key not in known}


def finish(plan):
    """Make an empty file in the place of every artifact."""
    from pathlib import Path

    for artifact in plan.artifacts.values():
        for path in (Path(artifact.path), Path(artifact.folder, "history.csv")):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
