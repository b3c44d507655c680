"""Every key of the configuration makes anew exactly the stages that see it, and all behind them."""

import pytest

from tests.keys import KEYS, nested
from tests.plan.conftest import SHIPPED, fresh
from tests.stale import AFFINITY, CAM, CLASSIFIER, CRF, DATA, REPORT, SEGMENT, TRAIN_SEGMENTER, WALK
from tests.workflow.conftest import MICRO
from wsss.config.merging import merge
from wsss.config.resolve import load, runs
from wsss.config.slices import slice_json

CHANGES = [
    ({"seed": 1}, CLASSIFIER),
    ({"cam": {"train": {"lr": 0.5}}}, CLASSIFIER),
    ({"cam": {"psa": {"dropout": 0.1}}}, CLASSIFIER),
    ({"cam": {"infer": {"flip": False}}}, CAM),
    ({"crf": {"alphas": [3, 32]}}, CRF),
    ({"affinity": {"train": {"epochs": 2}}}, AFFINITY),
    ({"walk": {"beta": 4}}, WALK),
    ({"segment": {"deeplab_v3plus": {"width": 8}}}, TRAIN_SEGMENTER),
    ({"segment": {"infer": {"flip": True}}}, SEGMENT),
    ({"evaluate": {"min_area": 0.02}}, REPORT),
    ({"backbone": {"freeze": False}}, CLASSIFIER),
    ({"cam": {"checkpoint": "config.yaml"}}, CLASSIFIER),
    ({"affinity": {"radius": 4}}, AFFINITY),
    ({"segment": {"train": {"steps": 3}}}, TRAIN_SEGMENTER),
    ({"segment": {"infer": {"resampling": "opencv"}}}, SEGMENT),
    ({"dataset": {"labels_from": "masks"}}, DATA),
    ({"dataset": {"demo": {"seed": 1}}}, {"report"}),
    ({"cam": {"seam": {"scale": 0.5}}, "segment": {"deeplab_v2": {"rates": [6]}}}, {"report"}),
    ({"walk": {"crf": {"bilateral_sxy": 9}}}, {"report"}),
    ({"boundaries": {"first": {"method": "seam"}}}, {"report"}),
    ({"jobs": 1}, set()),
    ({"jobs": 5}, set()),
    ({}, set()),
]


@pytest.mark.parametrize(("change", "stages"), CHANGES, ids=[str(change) for change, _ in CHANGES])
def test_a_key_makes_anew_what_depends_on_it(planned, change, stages):
    assert fresh(planned(change), planned()) == stages


FROM = {
    "train_cam": CLASSIFIER,
    "evaluate_classifier": {"evaluate_classifier", "report"},
    "infer_cam": CAM,
    "pack_classifier": {"pack_classifier", "report"},
    "refine_maps": CRF,
    "train_affinity": AFFINITY,
    "random_walk": WALK,
    "train_segmenter": TRAIN_SEGMENTER,
    "infer_segmenter": SEGMENT,
    "pack_segmenter": {"pack_segmenter", "report"},
    "relabel": set(),
    "segment_whole": set(),
    "evaluate": REPORT,
    "report": {"report"},
}
"""The stages of runs, each with what follows it; nothing here is cut into tiles."""
OTHER_RUNS = ("method", "seeds", "segment.backbone")
"""What makes a run of another name, or one that the shipped configuration refuses."""
OF_RUNS = [k for k in KEYS if k.stages & FROM.keys() and not k.given and k.name not in OTHER_RUNS]


def stages_that_see(key):
    """The stages whose slice another value of a key changes in a run on micro data."""
    before, after = (load(merge(merge(SHIPPED, MICRO), change)) for change in ({}, key))
    one, other = (runs(config)["psa"] for config in (before, after))
    seen = {stage for stage in FROM if slice_json(stage, one) != slice_json(stage, other)}
    return seen | ({"report"} if before != after else set())


@pytest.mark.parametrize("key", OF_RUNS, ids=lambda key: key.name)
def test_every_key_makes_anew_what_sees_it_and_all_behind(planned, key):
    change = nested({key.name: key.value})
    stages = set().union(*(FROM[stage] for stage in stages_that_see(change)))
    after = planned(change)
    # features that are compared leave no AffinityNet to train
    assert fresh(after, planned()) == stages & {a.stage for a in after.artifacts.values()}
