"""Published values are the same in the table, the presets and the documentation."""

import re
from pathlib import Path

import pytest

from wsss.pipeline import PRODUCTS
from wsss.report.published import PUBLISHED, published

ROOT = Path(__file__).parents[2]
OURS = {"eader-alpha", "seam+eader"}
PRESETS = {path.stem: path for path in (ROOT / "configs/voc12").glob("*.yaml")}
PAGE = (ROOT / "docs/choosing.md").read_text(encoding="utf-8")
VALUE = re.compile(r"\b\d\d\.\d\b")


def test_every_preset_of_others_has_published_values():
    assert {name for name in PRESETS if not published(name)} == OURS


def test_rows_name_products_and_come_once():
    assert {row.product for row in PUBLISHED} <= {row.name for row in PRODUCTS}
    places = [(row.preset, row.product, row.images) for row in PUBLISHED]
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
