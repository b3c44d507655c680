"""A run is compared with the published recipe of its method and backbone, differences are named."""

import pytest

from wsss.config.files import mapping
from wsss.config.merging import merge
from wsss.config.resolve import load
from wsss.data.taxonomy import VOC_CLASSES
from wsss.report.published import PUBLISHED
from wsss.stages.recipes import recipes
from wsss.workflow import configuration


@pytest.fixture
def found(tmp_path, monkeypatch):
    """A function that returns the recipes of the runs of a preset with other keys."""
    monkeypatch.chdir(tmp_path)

    for name in ("resnet_38d.params", "vgg16_20M.pth", "deeplabv1_resnet101-imagenet.pth"):
        (tmp_path / "pretrained").mkdir(exist_ok=True)
        (tmp_path / "pretrained" / name).touch()

    def find(preset, classes=VOC_CLASSES, **other):
        config = merge(mapping(configuration(f"voc12/{preset}")), other)
        return recipes(load(config), classes)

    return find


@pytest.mark.parametrize("preset", sorted({row.preset for row in PUBLISHED} - {"sb"}))
def test_a_preset_is_its_own_recipe(found, preset):
    (recipe,) = found(preset, seed=7, dataset={"root": "/data/VOC2012"}).values()
    assert recipe.name == preset and not any(recipe.differs.values())


def test_the_first_run_of_sb_has_the_recipe_of_seam(found):
    first, run = found("sb").values()
    assert (first.name, run.name) == ("seam", "sb")
    assert not any(first.differs[step] for step in ("cam", "refine"))


def test_settings_that_differ_are_named_by_step(found):
    runs = {"a": {"walk": {"beta": 4}}, "b": {"refine": "par"}}
    both = found("psa", cam={"train": {"epochs": 3}}, runs=runs, jobs=2)
    assert {step: found for step, found in both["a"].differs.items() if found} == {
        "cam": ("cam.train.epochs 3 (recipe: 15)",),
        "walk": ("walk.beta 4.0 (recipe: 8.0)",),
    }
    assert both["b"].differs["refine"] == ("refine par (recipe: crf)",)


def test_a_checkpoint_is_named_in_place_of_its_training(found, tmp_path):
    (tmp_path / "psa.pth").touch()
    (recipe,) = found("psa", cam={"checkpoint": "psa.pth"}).values()
    assert recipe.differs["cam"] == ("files of classifier psa.pth (recipe: none)",)


def test_other_data_and_networks_have_no_recipe(found):
    assert found("psa", classes=("cat", "dog")) == {}
    assert found("psa", backbone={"name": "resnet18", "weights": "imagenet"}) == {}
    assert found("psa", dataset={"source": "csv", "splits": {"train": "train"}}) == {}
