"""Maps of any method go with any affinities, and with the masks of SAM."""

from itertools import product

import pytest

from tests.keys import HERE, PUBLISHED
from tests.plan.conftest import fresh, stages
from tests.stale import TRAIN_SEGMENTER
from wsss.config.merging import merge

WALKS = {
    "learned": {"train_affinity", "random_walk"},
    "features": {"random_walk"},
    "irn": {"label_irn", "train_irn", "walk_irn"},
}
NEEDS = {
    "vit": {
        "backbone": {"name": "timm/test_vit", "weights": HERE},
        "segment": {"segmenter": "deeplab_v1"},
    },
    "clip_es": {
        "affinity": {
            "train": {"init": "backbone"},
            "features": {"of": "backbone"},
            "irn": {"train": {"init": "backbone"}},
        },
    },
}
"""Keys without which a method goes with no affinities."""
REFUSED = {("vit", "irn")}
PAIRS = sorted({*product([*PUBLISHED, "psa+eader"], WALKS)} - REFUSED)
SAM = {"sam": {"model": "facebook/sam-vit-base"}}


@pytest.mark.parametrize(("method", "source"), PAIRS)
def test_maps_of_any_method_go_with_any_affinities(method, source, planned):
    run = merge({"method": method, "affinity": {"source": source}}, NEEDS.get(method, {}))
    found = stages(planned(run, {"cam": {"train": {"epochs": 20}}}))
    assert found.keys() & set.union(*WALKS.values()) == WALKS[source]


@pytest.mark.parametrize("source", WALKS)
def test_the_masks_of_sam_follow_any_walk_and_the_segmenter_learns_them(source, planned):
    walk = {"affinity": {"source": source}}
    later = {"sam_labels", *TRAIN_SEGMENTER}
    plan = planned(walk, SAM)
    assert fresh(plan, planned(walk)) == later
    (segmenter,) = (a for a in plan.artifacts.values() if a.stage == "train_segmenter")
    assert [a.stage for a in segmenter.inputs["labels"]] == ["sam_labels"]
