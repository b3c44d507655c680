"""Configuration, paths and fingerprints that the rules share.

Besides files, every stage is handed its slice of the configuration. Digests of its code, and of
the files that no rule makes, stand in the parameters for Snakemake to compare.
"""

import hashlib
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError

import wsss.report
from wsss.config.resolve import load, runs
from wsss.config.slices import canonical, slice_json
from wsss.data.sources import inputs
from wsss.errors import UserError
from wsss.io.provenance import code_digest, files_digest
from wsss.report.tables import table

try:
    CONFIG = load(config)
    RUNS = runs(CONFIG)
except UserError as error:
    raise WorkflowError(str(error))

OUT = f"{CONFIG.results}/{CONFIG.dataset.name}"
RUN = f"{OUT}/{{run}}"
SPLITS = ["train", "val"]
DIGESTS = Path(".snakemake/wsss-digests.json")
CONDA = "../envs/wsss.yaml"


wildcard_constraints:
    run="|".join(map(re.escape, RUNS)),
    split="|".join(SPLITS),
    segmenter="[a-z0-9_]+",


def cfg(stage):
    """The slice of the configuration that a stage may see, as canonical JSON."""

    def of_job(wildcards):
        return slice_json(stage, RUNS.get(getattr(wildcards, "run", None), CONFIG))

    return of_job


def whole_config():
    """The configuration as the report prints it."""
    text = canonical(CONFIG.model_dump(mode="json"))

    def of_job(wildcards):
        # a plain string would be searched for wildcards
        return text

    return of_job


def code(stage):
    """The digest of a stage's code."""
    return code_digest(f"wsss.stages.{stage}")


def method_code(stage):
    """The digest of a stage's code and of the run's method, which is imported by its name."""

    def of_job(wildcards):
        method = RUNS[wildcards.run].method
        return code_digest(f"wsss.stages.{stage}", f"wsss.methods.{method}")

    return of_job


def content(paths):
    """The digest of the content of files that no rule makes."""
    return files_digest(paths, DIGESTS)


def page_content():
    """The digest of the report's template and style, which are no code."""
    return content(sorted(Path(wsss.report.__file__).parent.glob("page.[ch]*")))


def shards(pattern):
    """The files of all shards of a pattern with {scatteritem}; other wildcards stay."""
    return gather.images(pattern, allow_missing=True)


def weights_key(backbone):
    """The name of the file that keeps a backbone's checked weights."""
    digest = hashlib.sha256(backbone.weights.encode()).hexdigest()[:8]
    return f"{backbone.name}-{digest}"


BACKBONES = [b for r in RUNS.values() for b in (r.backbone, r.segment.backbone) if b]
WEIGHTS = {weights_key(b): b for b in BACKBONES if b.weights}


def weights_file(backbone):
    """The checked weights of a backbone; none if it starts from random ones."""
    if not backbone.weights:
        return []
    return f"{CONFIG.results}/weights/{weights_key(backbone)}.pt"


def cam_weights(wildcards):
    return weights_file(RUNS[wildcards.run].backbone)


def segmenter_weights(wildcards):
    run = RUNS[wildcards.run]
    return weights_file(run.segment.backbone or run.backbone)


def weights_backbone(wildcards):
    return WEIGHTS[wildcards.weights].name


def weights_source(wildcards):
    return WEIGHTS[wildcards.weights].weights


def weights_content(wildcards):
    source = WEIGHTS[wildcards.weights].weights
    return "" if source == "imagenet" else content([Path(source)])


def segmenter_folder(run):
    return f"segment/{RUNS[run].segment.segmenter}"


INPUTS = inputs(CONFIG.dataset)


def index_content(wildcards):
    """The digest of what the index of a split depends on."""
    return part_content(INPUTS[wildcards.split][0])


def masks_content(wildcards):
    """The digest of what the table of masks of a split depends on."""
    return part_content(INPUTS[wildcards.split][1])


def part_content(part):
    return f"{part.facts} {content(part.files)}"


def demo_labels():
    """The last file of the demo data, if they are the data set."""
    return f"{OUT}/data/labels.csv" if CONFIG.dataset.source == "demo" else []


def demo_folder(wildcards, output):
    return Path(output.labels).parent


def root(wildcards):
    """The folder of the data."""
    return CONFIG.dataset.root or f"{OUT}/data"


PREDICTIONS = {
    "cam": shards(f"{RUN}/{{stage}}/maps/{{split}}/{{scatteritem}}.npz"),
    "crf": shards(f"{RUN}/{{stage}}/maps/{{split}}/{{scatteritem}}.npz"),
    "walk": shards(f"{RUN}/{{stage}}/{{split}}/{{scatteritem}}/labels.tsv"),
    "segment": shards(f"{RUN}/{{stage}}/{{split}}/{{scatteritem}}/labels.tsv"),
}


def kind(wildcards):
    """The kind of prediction: the first part of the stage's folder."""
    return wildcards.stage.partition("/")[0]


def predictions(wildcards):
    """The shards that an evaluation compares with the masks."""
    return [path.format(**wildcards) for path in PREDICTIONS[kind(wildcards)]]


def shard_count():
    """The number of shards of a split."""
    return len(shards("{scatteritem}"))


def evaluations():
    """The evaluations of every run; the segmenter is judged on held-out images alone."""
    labelled = ["cam", "crf", "walk"]
    judged = [
        (run, split, stage)
        for run in RUNS
        for split, more in (("val", [segmenter_folder(run)]), ("train", []))
        for stage in labelled + more
    ]
    return [f"{OUT}/{run}/{stage}/eval.{split}.json" for run, split, stage in judged]


def histories():
    """The loss curves of every run."""
    folders = {run: ["cam", "affinity", segmenter_folder(run)] for run in RUNS}
    return [
        f"{OUT}/{run}/{f}/history.csv" for run, names in folders.items() for f in names
    ]


def print_summary():
    """End a run with the table of results and the path of the report."""
    summary = Path(OUT, "summary.tsv")
    if summary.exists():
        print(table(summary.read_text()))
        print(f"Report: {OUT}/report.html")
