"""Published values are the same in the table, the presets and the documentation."""

import re
from pathlib import Path

import pytest

from wsss.pipeline import PRODUCTS
from wsss.report.published import PUBLISHED, Recipe, columns, published

ROOT = Path(__file__).parents[2]
OURS = {"eader-alpha", "seam+eader"}
PRESETS = {path.stem: path for path in (ROOT / "configs/voc12").glob("*.yaml")}
PAGE = (ROOT / "docs/choosing.md").read_text(encoding="utf-8")
VALUE = re.compile(r"\b\d\d\.\d\b")


def test_every_preset_of_others_has_published_values():
    assert {name for name in PRESETS if not published(name)} == OURS


def test_rows_name_products_and_come_once():
    names = {row.name for row in PRODUCTS} | {"seed"}
    assert {row.stage.partition(" ")[0] for row in PUBLISHED} <= names
    places = [(row.preset, row.stage, row.images) for row in PUBLISHED]
    assert len(set(places)) == len(places)
    assert all(0 < row.miou < 100 and row.source for row in PUBLISHED)


@pytest.mark.parametrize("name", sorted(set(PRESETS) - OURS))
def test_a_preset_says_what_is_published(name):
    comments = "".join(re.findall(r"^#.*\n", PRESETS[name].read_text(), re.MULTILINE))
    assert {f"{row.miou:.1f}" for row in published(name)} <= set(VALUE.findall(comments))


@pytest.mark.parametrize("name", sorted({row.preset for row in PUBLISHED}))
def test_the_documentation_has_the_values_and_sources(name):
    (line,) = re.findall(rf"^\| `{re.escape(name)}` \| \D*\d\d\.\d.*$", PAGE, re.MULTILINE)
    assert sorted(VALUE.findall(line)) == sorted(f"{row.miou:.1f}" for row in published(name))
    assert all(row.source in line for row in published(name))


def row_of(stage, product, split="val", images="1449"):
    return {"stage": stage, "product": product, "split": split, "images": images}


def test_a_published_value_is_that_of_the_same_stage_and_list():
    psa = Recipe("psa", {})
    found = columns(row_of("seed fixed", "cam"), psa)
    assert (found["recipe"], found["published"], found["published_differs"]) == (
        *("psa", "0.472000"),
        "",
    )
    assert found["published_source"] == "README of jiwoon-ahn/psa, at a constant background of 0.2"
    assert columns(row_of("segmenter deeplab_v1", "segment"), psa)["published"] == "0.617000"
    for other in (row_of("seed oracle", "cam"), row_of("refined maps low", "refined")):
        assert columns(other, psa) == {}
    assert columns(row_of("pseudo labels", "walk"), None) == {}
    assert columns(row_of("pseudo labels", "walk", "train", "1464"), Recipe("psa+eader", {})) == {}


def test_conditions_that_differ_are_those_up_to_the_stage():
    recipe = Recipe("psa", {"cam": ("cam 1",), "walk": ("walk 2",), "segment": ("segment 3",)})
    assert columns(row_of("pseudo labels", "walk"), recipe)["published_differs"] == "cam 1; walk 2"
    few = columns(row_of("pseudo labels", "walk", images="15"), recipe)["published_differs"]
    assert few == "on 15 images, not VOC's 1449; cam 1; walk 2"
    many = Recipe("psa", {"cam": tuple(map(str, range(9)))})
    text = columns(row_of("seed fixed", "cam"), many)["published_differs"]
    assert text == "0; 1; 2; 3; 4; 5; 3 more settings"
