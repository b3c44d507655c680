"""Maps of any method go with any affinities, and with the masks of SAM."""

import pytest

from tests.keys import PUBLISHED
from tests.plan.conftest import fresh, stages

WALKS = {
    "learned": {"train_affinity", "random_walk"},
    "features": {"random_walk"},
    "irn": {"label_irn", "train_irn", "walk_irn"},
}
SAM = {"sam": {"model": "facebook/sam-vit-base"}}


@pytest.mark.parametrize("source", WALKS)
@pytest.mark.parametrize("method", [*sorted(PUBLISHED), "psa+eader"])
def test_maps_of_any_method_go_with_any_affinities(method, source, planned):
    run = {"method": method, "affinity": {"source": source}}
    found = stages(planned(run, {"cam": {"train": {"epochs": 20}}}))
    assert found.keys() & set.union(*WALKS.values()) == WALKS[source]


@pytest.mark.parametrize("source", WALKS)
def test_the_masks_of_sam_follow_any_walk_and_the_segmenter_learns_them(source, planned):
    walk = {"affinity": {"source": source}}
    later = {"sam_labels", "train_segmenter", "infer_segmenter", "evaluate", "report"}
    plan = planned(walk, SAM)
    assert fresh(plan, planned(walk)) == later
    (segmenter,) = (a for a in plan.artifacts.values() if a.stage == "train_segmenter")
    assert [a.stage for a in segmenter.inputs["labels"]] == ["sam_labels"]
