import tomllib

import pytest
import yaml

from tests.shipped import ROOT
from wsss.config.model import Config
from wsss.config.planned import BUDGETS
from wsss.planning.planned import lookup
from wsss.planning.recipe import _FOLDER, _REPLACED, EMPIRICAL, beside, leaves, nested, recipe


def test_good_is_the_recipe_for_photographs():
    shipped = (ROOT / "configs/photos.yaml").read_text(encoding="utf-8")
    assert recipe("good") == yaml.safe_load(shipped)


def test_the_recipes_are_part_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "planning/budgets/*.yaml" in project["tool"]["setuptools"]["package-data"]["wsss"]
    assert {path.stem for path in _FOLDER.glob("*.yaml")} == set(BUDGETS)


@pytest.mark.parametrize("key", [*EMPIRICAL, *_REPLACED, *_REPLACED.values()])
def test_the_keys_that_are_named_exist(key):
    *parents, last = key.split(".")
    section = lookup(Config().model_dump(), ".".join(parents)) if parents else dict(Config())
    assert last in section


def test_dotted_keys_are_the_same_mapping():
    tree = {"a": {"b": 1, "c": {"d": [2]}}, "e": {}}
    assert nested(dict(leaves(tree))) == tree


def test_what_the_user_replaces_is_left_out():
    fixed = {"backbone": {"name": "timm/a", "weights": "packaged", "freeze": "all"}}
    assert beside({"backbone": {"name": "resnet18"}}, fixed) == {
        "backbone": {"name": "timm/a", "freeze": "all"}
    }
    assert beside({"seed": 1}, fixed) == fixed
