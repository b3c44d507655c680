import pytest
import yaml

from tests.planning.cases import GPU, OWN, facts
from wsss.config.merging import merge
from wsss.config.planned import BUDGETS
from wsss.config.resolve import load
from wsss.errors import UserError
from wsss.planning.document import plan_text
from wsss.planning.planned import lookup, remarks
from wsss.planning.planner import make_plan
from wsss.planning.recipe import nested


def planned(own=OWN, budget="good", found=None):
    """Return the configuration that is read from the text of a plan."""
    found = found or facts()
    made = make_plan(own, budget, found)
    return load(yaml.safe_load(plan_text(made, found, ["a: #1"], "plan.yaml")))


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("found", [facts(), facts(2), facts(20_000, 4000, GPU)], ids=str)
def test_a_plan_is_a_configuration_that_is_in_effect(budget, found):
    config = planned(budget=budget, found=found)
    assert config.plan.budget == budget
    (line,) = remarks(config, found.data)
    assert line.endswith("nothing is overridden")


def test_the_keys_of_the_user_win():
    keys = {"walk.beta": 7, "cam.train.steps": 9, "cam.infer.scales": [3], "until": "cam"}
    config = planned(merge(OWN, nested(keys)), found=facts(3))
    now = config.model_dump(mode="json")
    assert {key: lookup(now, key) for key in keys} == keys
    assert not keys.keys() & config.plan.values.keys()


def test_another_backbone_has_not_the_weights_of_the_recipe():
    config = planned(merge(OWN, {"backbone": {"name": "resnet50"}}))
    assert config.backbone.weights == "imagenet"


def test_keys_that_do_not_go_with_the_recipe_are_named():
    with pytest.raises(UserError, match=r"walk\.maps: there are no refined maps"):
        planned(merge(OWN, {"refine": "none", "walk": {"maps": "refined"}}))


def test_what_was_changed_of_the_recipe_is_known():
    assert [one.key for one in make_plan(OWN, "good", facts()).changed] == ["jobs"]
    changed = make_plan(OWN, "good", facts(2)).changed
    assert {choice.key for choice in changed} == {"until", "cam.train.batch_size", "jobs"}


def test_every_value_has_its_reason():
    found = facts()
    text = plan_text(make_plan(OWN, "good", found), found, ["a weakness"], "out/plan.yaml")
    body = text.partition("\n\n")[2].partition("\nplan:")[0]
    values = [line for line in body.splitlines() if line and not line.endswith(":")]
    bare = [line.strip() for line in values if "  # " not in line]
    assert bare == ["name: pets", "source: csv", "root: ."]
    assert "# * a weakness" in text and "wsss run out/plan.yaml" in text
    assert "  # empirical" in body and "  # recipe" in body


def test_the_same_facts_give_the_same_bytes():
    texts = {plan_text(make_plan(OWN, "good", one), one, [], "p") for one in (facts(), facts())}
    assert len(texts) == 1


def test_what_is_overridden_and_changed_data_are_said():
    config = planned()
    raw = merge(config.model_dump(mode="json"), {"cam": {"train": {"batch_size": 3}}, "seed": 5})
    first, second = remarks(load(raw), "other")
    assert first.endswith(f"overridden: cam.train.batch_size {config.cam.train.batch_size} -> 3")
    assert "changed since the plan" in second
    assert list(remarks(load(OWN), "any")) == []
