"""One set of defaults: the schema's; the demo's values stand in one place beside them."""

import json
from pathlib import Path

import pytest
import yaml

from tests.shipped import ROOT, shown
from wsss.config.dataset import Dataset
from wsss.config.demo import DEMO
from wsss.config.merging import merge
from wsss.config.model import METHODS, Config, Run
from wsss.config.monitor import Monitor
from wsss.config.resolve import load, runs

CSV = {"dataset": {"source": "csv", "root": "."}}
PINNED = json.loads(Path(__file__).with_name("demo.json").read_text(encoding="utf-8"))


def leaves(section, prefix=""):
    """Every value by its dotted key."""
    for name, value in section.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def dump(section):
    return dict(leaves(section.model_dump(mode="json")))


def test_the_defaults_are_the_shipped_configuration():
    assert Config() == load(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    assert Config() == load({})


def test_the_shipped_configuration_shows_the_defaults():
    known = dict(leaves(shown()))
    own = {f"cam.{name}." for name in METHODS.params.keys() - shown()["cam"].keys()}
    defaults = dump(Run()) | {"results": "results", "jobs": None, "plan": None, "runs": {}}
    defaults["accept_license"] = []
    defaults |= {f"monitor.{key}": value for key, value in dump(Monitor()).items()}
    defaults |= {f"dataset.{key}": value for key, value in dump(Dataset()).items()}
    assert known == {
        key: value
        for key, value in defaults.items()
        if not any(key.startswith(method) for method in own)
    }


def test_the_values_of_the_demo_are_pinned():
    (run,) = runs(load({})).values()
    found = dump(run.effective())
    assert {key: found[key] for key in PINNED} == PINNED


def test_the_demo_states_only_what_differs():
    defaults = dump(Run()) | {"jobs": None}
    same = {key for key, value in leaves(DEMO) if defaults[key] == value}
    assert not same


def test_photographs_start_from_the_recipe_for_photographs():
    (run,) = runs(load(CSV)).values()
    assert run == Run()
    assert (run.backbone.name, run.backbone.weights) == ("mobilenet_v2", "imagenet")


@pytest.mark.parametrize("name", sorted(METHODS.params))
def test_every_method_goes_with_the_recipe_for_photographs(name):
    own: dict[str, object] = {"method": name}
    if METHODS.params[name].backbones == "vit":
        own |= {"backbone": {"name": "timm/test_vit"}, "segment": {"segmenter": "deeplab_v1"}}
    assert name in runs(load(CSV | own))


@pytest.mark.parametrize("own", [{"seed": 3}, {"backbone": {"name": "resnet18", "weights": None}}])
def test_values_of_the_user_win(own):
    for source in ({}, CSV):
        config = load(merge(source, own)).model_dump(mode="json")
        assert merge(config, own) == config


def test_a_null_of_the_user_wins():
    segment = {"deeplab_v3plus": {"rates": None}}
    assert load({"segment": segment}).segment.deeplab_v3plus.rates is None
