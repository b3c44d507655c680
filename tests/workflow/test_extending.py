"""The checklists of docs/developing.md, carried out on a copy of the project.

A method, a stage between the random walk and the segmenter, and a metric are added, and the chain
is run on micro data: the new things are in results, summary and report.
"""

import re

import pandas as pd
import pytest

from tests.methods.cases import NEWCOMER

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.xdist_group("documentation"),
]

STAGE = '''"""Filter label maps: every pixel takes the middle label of its neighbourhood."""

import argparse
from pathlib import Path

from scipy.ndimage import median_filter

from wsss.config.slices import read_slice
from wsss.io.labels import LabelReader, LabelWriter
from wsss.stages.parts import add_part_arguments, part_items, provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    add_part_arguments(parser)
    parser.add_argument("--labels", type=Path, required=True, help="record of label maps")


def run(args: argparse.Namespace) -> None:
    """Filter the label maps of a part of the images."""
    size, maps = read_slice(args.config).filter.size, LabelReader([args.labels])
    with LabelWriter(args.out, provenance(args.config)) as out:
        for item in part_items(args.index, args.split, args.part):
            out.put(item.image_id, median_filter(maps.read(item.image_id), size))
'''
SECTION = '''class Filter(Section):
    """Median filter on the pseudo labels."""

    size: Annotated[int, Field(ge=1)] = 3
    """Side of the neighbourhood in pixels."""


'''
ROW = """    Product(
        "filtered",
        "labels",
        (
            Stage(
                "filter_labels", ("filter",), (INDEX, Input("labels", "walk")), scattered=True
            ),
        ),
        "filter",
        SPLITS,
        "Filtered labels",
        SPLITS,
    ),
"""
RULE = '''

rule filter_labels:
    """Filter the pseudo labels."""
    input:
        index=made("index"),
        labels=made("labels"),
    output:
        record=update(f"{STORE}/filter_labels/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/filter_labels/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/filter_labels/{{key}}/benchmarks/{PART}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        config=cfg,
        part=part,
        users=users,
    message:
        "filter_labels of {params.users}"
    shell:
        "wsss filter-labels --index {input.index:q} --labels {input.labels:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q}"
        " --config {params.config:q} --log {log:q} --users {params.users:q}"
'''
RELABELLED = """    Product(
        *("relabelled","""

METRIC = '''

def accuracy(conf: np.ndarray) -> float:
    """Share of the pixels with the right label."""
    return float(np.trace(conf) / conf.sum())
'''
FIELD = """    accuracy: Annotated[float | None, Metric("accuracy", accuracy)]
"""
STAGES = "train_cam", "refine_maps", "random_walk", "filter_labels", "train_segmenter", "evaluate"


def edit(path, *changes):
    """Replace the first occurrence of texts in a file."""
    text = path.read_text()
    for old, new in changes:
        assert old in text, f"{path}: {old}"
        text = text.replace(old, new, 1)
    path.write_text(text)


@pytest.fixture
def extended(fresh):
    """A copy of the project with the new method, stage and metric."""
    package = fresh.folder / "src/wsss"
    (package / "methods/peak.py").write_text(NEWCOMER)
    (package / "stages/filter_labels.py").write_text(STAGE)
    edit(package / "pipeline.py", (RELABELLED, ROW + RELABELLED))
    edit(
        package / "config/model.py",
        ("class Evaluate(", f"{SECTION}class Evaluate("),
        ("    segment: Segment", "    filter: Filter = Filter()\n    segment: Segment"),
    )
    rules = fresh.folder / "rules/affinity.smk"
    rules.write_text(rules.read_text() + RULE)
    confusion = package / "metrics/confusion.py"
    confusion.write_text(confusion.read_text() + METRIC)
    edit(
        package / "metrics/result.py",
        ("    iou,\n", "    accuracy,\n    iou,\n"),
        ("    label_agreement: Annotated", f"{FIELD}    label_agreement: Annotated"),
    )
    return fresh


def test_a_method_a_stage_and_a_metric(extended):
    extended.snakemake(config={"method": "peak", "filter": {"size": 5}})
    run = extended.results / "peak"
    # in the results, and what follows learns from it
    assert len(list((run / "filter/train").glob("*.png"))) == 10
    assert (run / "filter/eval.val.json").exists() and (run / "segment/model.pt").exists()
    log = "".join(path.read_text() for path in (extended.folder / ".snakemake/log").glob("*"))
    assert re.search(r"filter_labels of peak, train", log)
    # in the summary
    summary = pd.read_csv(extended.results / "summary.tsv", sep="\t")
    assert {"pseudo labels", "filtered labels"} <= set(summary["stage"])
    assert summary.loc[summary["miou"].notna(), "accuracy"].between(0, 1).all()
    # in the report
    page = (extended.results / "report.html").read_text()
    assert "Filtered labels" in page and ">accuracy<" in page and "filter_labels" in page
    # in `until`, and only what depends on it is made again
    assert extended.stale({"method": "peak", "filter": {"size": 5}, "until": "filter"}) == {
        "report"
    }
    again = extended.stale({"method": "peak", "filter": {"size": 3}})
    assert again == {
        *("filter_labels", "train_segmenter", "pack_segmenter", "infer_segmenter"),
        *("evaluate", "report"),
    }
    # in the forecast, which measures every stage
    forecast = extended.run("wsss", "forecast", "micro.yaml", "change.yaml")
    assert all(re.search(rf"peak +{stage} +\d+ +\d", forecast) for stage in STAGES)
    assert list((extended.folder / ".snakemake/wsss-forecast").glob("*.json"))
