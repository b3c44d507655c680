"""Reasons why artifacts are made."""

import json
import shutil
from pathlib import Path

import pytest

from tests.plan.conftest import Contents, finish
from tests.stale import CLASSIFIER, DATA, TRAIN_SEGMENTER, WALK
from wsss.plan.changes import CODE, GONE, NEW, changes
from wsss.plan.links import refresh
from wsss.plan.origins import FILE


@pytest.fixture
def finished(planned):
    """The plan of the micro configuration, carried out."""
    plan = planned()
    finish(plan)
    refresh(plan)
    return plan


def found(plan):
    return [(change.reasons, set(change.stages)) for change in changes(plan)]


def test_without_results_all_is_new(planned):
    (change,) = changes(planned())
    assert change.reasons == (NEW,) and change.stages["infer_cam"] == 2
    assert list(change.runs) == ["psa"]


def test_nothing_changes_a_finished_run(finished):
    assert changes(finished) == []


@pytest.mark.parametrize(
    ("change", "reason", "stages"),
    [
        ({"walk": {"beta": 4}}, "walk.beta: 8.0 -> 4.0", WALK),
        ({"seed": 3}, "seed: 0 -> 3", CLASSIFIER),
    ],
)
def test_a_key_is_named_with_both_values(finished, planned, change, reason, stages):
    assert found(planned(change)) == [((reason,), stages)]


def test_other_images_are_named(finished, planned):
    ((reasons, stages),) = found(planned(contents=Contents(index_train="other")))
    assert reasons == ("other images, labels or files",)
    assert stages == DATA


def test_a_new_input_is_named(finished, planned):
    (own, (reasons, stages)) = found(planned({"segment": {"corrected": "."}}))
    assert own == ((NEW,), {"read_corrected"})
    assert reasons == ("corrected: new input",) and stages == set(TRAIN_SEGMENTER)


def test_other_code_is_named(finished, planned):
    plan = planned({"walk": {"beta": 4}})
    walk = Path(finished.folder, "psa/walk/train").resolve().parent
    before = json.loads((walk / FILE).read_text())
    (walk / FILE).write_text(json.dumps(before | {"code": "another"}))
    (first, *_) = found(plan)
    assert CODE in first[0]


def test_what_was_removed_is_made_again(finished):
    shutil.rmtree(Path(finished.folder, "psa/segment/val").resolve().parent)
    ((reasons, stages),) = found(finished)
    assert reasons == (GONE,) and stages == {"infer_segmenter"}


def test_two_changes_are_told_apart(finished, planned):
    several = found(planned({"walk": {"beta": 4}, "segment": {"infer": {"flip": True}}}))
    beta, flip = "walk.beta: 8.0 -> 4.0", "segment.infer.flip: false -> true"
    assert several[0] == ((beta,), several[0][1]) and "train_segmenter" in several[0][1]
    assert {reasons for reasons, _ in several[1:]} <= {(flip, beta), (beta, flip)}
