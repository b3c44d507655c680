"""Dates in any order, as a copy leaves them, are put into the order of the chain."""

import os
import random
from pathlib import Path

from tests.plan.conftest import finish
from wsss.plan.dates import order_dates


def test_no_artifact_is_older_than_what_it_is_made_from(planned):
    plan = planned()
    finish(plan)
    rng = random.Random(0)
    for artifact in plan.artifacts.values():
        for file in artifact.outputs:
            if Path(file).exists():
                os.utime(file, (rng.random() * 1e9,) * 2)
    walk = plan.artifact("walk", "val", "psa")
    benchmark = Path(walk.folder, "benchmarks/val/labels.tsv")
    benchmark.parent.mkdir(parents=True)
    benchmark.touch()
    os.utime(benchmark, (0, 0))
    order_dates(plan)
    (cam,) = walk.inputs["cams"]
    assert benchmark.stat().st_mtime_ns >= Path(cam.path).stat().st_mtime_ns
    for artifact in plan.artifacts.values():
        date = Path(artifact.path).stat().st_mtime_ns
        for source in (a for found in artifact.inputs.values() for a in found):
            assert Path(source.path).stat().st_mtime_ns <= date


def test_dates_in_order_are_left(planned):
    plan = planned()
    for number, artifact in enumerate(plan.artifacts.values()):
        path = Path(artifact.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (number, number))
    order_dates(plan)
    dates = [Path(artifact.path).stat().st_mtime for artifact in plan.artifacts.values()]
    assert dates == list(range(len(dates)))


def test_what_is_missing_stays_missing(planned):
    plan = planned()
    order_dates(plan)
    assert not Path(plan.store).exists()
