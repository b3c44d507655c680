"""Corrected masks make anew what learns from them, and nothing else."""

from tests.plan.conftest import Contents, fresh
from tests.stale import TRAIN_SEGMENTER

CORRECTED = {"segment": {"corrected": "."}}


def test_corrected_masks_train_the_segmenter_alone_again(planned):
    first, second = planned(CORRECTED), planned(CORRECTED, contents=Contents(folder="more"))
    assert fresh(first, planned()) == {"read_corrected", *TRAIN_SEGMENTER}
    assert fresh(second, first) == fresh(first, planned())
    (segmenter,) = (a for a in first.artifacts.values() if a.stage == "train_segmenter")
    assert [a.stage for a in segmenter.inputs["corrected"]] == ["read_corrected"]
    assert [a.stage for a in segmenter.inputs["labels"]] == ["random_walk"]


def test_runs_with_and_without_corrected_masks_share_all_before_the_segmenter(planned):
    plan = planned({"runs": {"plain": {}, "corrected": CORRECTED}})
    counts = [a.stage for a in plan.artifacts.values()]
    assert counts.count("train_cam") == counts.count("train_affinity") == 1
    assert counts.count("train_segmenter") == 2 and counts.count("read_corrected") == 1


def test_every_round_learns_them_and_a_checkpoint_does_not(planned):
    plan = planned(CORRECTED, {"segment": {"rounds": 2}})
    counts = [a.stage for a in plan.artifacts.values()]
    assert counts.count("train_segmenter") == 2 and counts.count("read_corrected") == 1
    taken = planned(CORRECTED, {"segment": {"checkpoint": "config.yaml"}})
    assert "read_corrected" not in {a.stage for a in taken.artifacts.values()}


def test_figures_name_the_masks_that_were_learnt(planned):
    names = {
        "corrected": CORRECTED,
        "both": {"segment": {"corrected": ".", "train": {"masks": True}}},
        "plain": {},
        "taken": {"segment": {"checkpoint": "config.yaml"}},
    }
    runs = planned({"runs": names}).runs
    assert {name: run.segment.with_masks() for name, run in runs.items()} == {
        "corrected": "deeplab_v3plus + corrected masks",
        "both": "deeplab_v3plus + masks + corrected masks",
        "plain": "deeplab_v3plus",
        "taken": "deeplab_v3plus + published checkpoint",
    }
