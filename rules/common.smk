"""Configuration, paths and fingerprints that the rules share.

Besides files, every stage is handed its slice of the configuration. Digests of its code, and of
the files that no rule makes, stand in the parameters for Snakemake to compare.
"""

import logging
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

import wsss.report
from wsss.errors import UserError

try:
    # a method's file with a mistake in it shows here
    from wsss.config.files import merged
    from wsss.config.resolve import load, runs
    from wsss.config.slices import canonical, slice_json

    if workflow.is_main_process:
        # of a file with a mistake in it, Snakemake says neither name nor line
        merged([Path(file) for file in workflow.configfiles])
except UserError as error:
    raise WorkflowError(str(error))

from wsss.system import parent
from wsss.io.snakemake_state import repair
from wsss.io.provenance import code_digest, file_digest, files_digest
from wsss.report.tables import table

# that a full disk takes no log file is no reason for a traceback at every line
logging.raiseExceptions = False


if not workflow.subprocess_exec:
    parent.register()


configfile: "config.yaml"


try:
    CONFIG = load(config)
    RUNS = runs(CONFIG)
    if workflow.is_main_process:
        for line in repair(Path(".snakemake")):
            print(line, file=sys.stderr)
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

    @cache
    def of_run(run):
        return slice_json(stage, RUNS.get(run, CONFIG))

    def of_job(wildcards):
        return of_run(getattr(wildcards, "run", None))

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

    @cache
    def of_run(run):
        parts = [f"wsss.methods.{name}" for name in RUNS[run].options()]
        return code_digest(f"wsss.stages.{stage}", *parts)

    def of_job(wildcards):
        return of_run(wildcards.run)

    return of_job


def content(paths):
    """The digest of the content of files that no rule makes."""
    return files_digest(paths, DIGESTS)


def page_content():
    """The digest of the report's template and style, which are no code."""
    files = sorted(Path(wsss.report.__file__).parent.glob("page.[ch]*"))
    # without their places: a project that was moved is not stale
    return " ".join(map(file_digest, files))


def per_attempt(amount):
    """A resource that a job gets more of when it is tried again after a failure."""

    def of_job(wildcards, attempt):
        return amount * attempt

    return of_job


def launcher(wildcards, resources):
    """What stands before the command of a training, such as the srun of a profile's `mpi`."""
    # with exec SIGTERM does not end the shell, for which Snakemake waits, before the checkpoint
    return f"exec {resources.get('mpi', '')}"


def shards(pattern):
    """The files of all shards of a pattern with {scatteritem}; other wildcards stay."""
    return gather.images(pattern, allow_missing=True)


def shard_count():
    """The number of shards of a split."""
    return len(shards("{scatteritem}"))


def print_summary():
    """End a run with the table of results and the path of the report."""
    summary = Path(OUT, "summary.tsv")
    if summary.exists():
        print(table(summary.read_text()))
        print(f"Report: {OUT}/report.html")
