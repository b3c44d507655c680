"""The table of the chain is sound, and rules, stages and conditions agree with it."""

from dataclasses import replace

import pytest

from wsss import pipeline
from wsss.config.model import Run
from wsss.config.slices import slice_json
from wsss.errors import UserError
from wsss.pipeline import PRODUCTS, STAGES
from wsss.plan.table import problems
from wsss.products import Input, Product, Stage


def test_the_table_is_sound():
    assert problems(PRODUCTS) == []


def test_steps_are_those_of_the_chain():
    assert pipeline.STEPS == ("cam", "refine", "walk", "segment")
    assert [row.name for row in pipeline.EVALUATED] == [
        *("cam", "refined", "walk", "relabelled", "segment")
    ]


@pytest.mark.parametrize("until", pipeline.STEPS)
def test_a_run_reaches_whole_steps(until):
    steps = [row.step for row in pipeline.reached(until)]
    assert steps[-1] == until and set(steps) == set(pipeline.STEPS[: len(set(steps))])


def test_the_segmenter_learns_from_the_last_label_maps_before_it():
    assert [row.name for row in pipeline.pseudo_labels(pipeline.product("segmenter"))] == [
        *("relabelled", "walk")
    ]


WRONG = [
    ((*PRODUCTS, PRODUCTS[-1]), "product whole: there are two of this name"),
    (PRODUCTS[1:], "stage make_tiles: reads demo, which no row before tiles makes"),
    (
        (*PRODUCTS, Product("new", "maps", (STAGES["infer_cam"],))),
        "stage infer_cam: makes two products",
    ),
    (
        (*PRODUCTS, replace(PRODUCTS[-1], name="new", makers=(), evaluated=("train",))),
        "product new: evaluated on a split that it has not",
    ),
    (
        (*PRODUCTS, replace(PRODUCTS[-1], name="new", step="walk")),
        "product new: put it beside those of its step, walk, not after segment",
    ),
    ((*PRODUCTS, Product("new", "maps", ())), "product new: no stage makes it"),
    ((*PRODUCTS, Product("new", "table", (Stage("s"),))), "product new: name its file"),
    (
        (*PRODUCTS, Product("new", "maps", (Stage("s", inputs=(Input("x", "nothing"),)),))),
        "stage s: reads nothing, which no row before new makes",
    ),
]


@pytest.mark.parametrize(("table", "line"), WRONG, ids=[line for _, line in WRONG])
def test_a_wrong_table_is_named(table, line):
    assert f"pipeline: {line}" in problems(table)


def test_a_key_that_the_configuration_has_not_is_named(monkeypatch):
    monkeypatch.setitem(STAGES, "s", Stage("s", ("walks",)))
    with pytest.raises(UserError, match="pipeline: stage s: the configuration has no walks"):
        slice_json("s", Run())
