"""The plan of the configuration, and the functions by which the rules look their jobs up in it.

Every artifact lies under a key that says what it is made from (`wsss.plan`): what exists is right,
so that Snakemake has to make what is missing and nothing else. A rule finds its inputs, its slice
of the configuration and its arguments by the wildcard {key}.
"""

import gc
import json
import logging
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import ExecMode

from wsss.errors import UserError
from wsss.system import garbage

# a plan makes many objects that all stay: looking among them for garbage takes a quarter of the time
gc.set_threshold(100_000)
garbage.leave_at_exit()

# that a full disk takes no log file is no reason for a traceback at every line
logging.raiseExceptions = False


try:
    from wsss.config.files import merged
    from wsss.config.resolve import load
    from wsss.data.contents import DIGESTS, FileContents
    from wsss.fetch.networks import fetch_networks
    from wsss.io.arguments import passed
    from wsss.io.parts import WHOLE
    from wsss.pipeline import STAGES
    from wsss.plan.artifacts import Plan
    from wsss.plan.dates import order_dates
    from wsss.plan.files import run_files
    from wsss.config.slices import canonical
    from wsss.plan.command import check_command
    from wsss.plan.learnt import check_learnt_masks
    from wsss.plan.links import refresh
    from wsss.planning.planned import data_digest, remarks
    from wsss.products import TRAIN
    from wsss.system import locks, parent

    STARTED = workflow.exec_mode == ExecMode.DEFAULT
    if STARTED:
        check_command(sys.argv, Path.cwd())
        # Snakemake names neither file nor line of a mistake
        merged([Path(file) for file in workflow.configfiles])
        parent.register()
        locks.mark_planning()
except UserError as error:
    raise WorkflowError(str(error))


configfile: "config.yaml"


try:
    CONFIG = load(config)
    contents = FileContents(CONFIG.dataset, DIGESTS, from_parent=not STARTED)
    PLAN = Plan(CONFIG, contents)
    if STARTED:
        check_learnt_masks(PLAN.runs, contents.masked(TRAIN))
        for line in remarks(CONFIG, data_digest(contents)):
            print(line, file=sys.stderr)
        contents.share()
        order_dates(PLAN)
except UserError as error:
    raise WorkflowError(str(error))

STORE = PLAN.store
CONDA = "../envs/wsss.yaml"
PART = "{split}/{part}"


def scattered():
    """A pattern of the keys of artifacts whose images are shared among several jobs."""
    keys = [a.key for a in PLAN.artifacts.values() if a.parts != (WHOLE,)]
    return "|".join(keys) or "none"


wildcard_constraints:
    key="[0-9a-f]{12}",
    split="train|val",
    part="maps|labels|parts/[0-9]+-of-[0-9]+",


def artifact(wildcards):
    """The artifact that a job makes."""
    if wildcards.key not in PLAN.artifacts:
        raise WorkflowError(
            "The configuration, the data or the code changed since the workflow was started: "
            "run the same command again."
        )
    return PLAN.artifacts[wildcards.key]


def made(role):
    """The files of the artifacts that are a job's input of this role."""

    def of_job(wildcards):
        return [a.path for a in artifact(wildcards).inputs[role]]

    return of_job


def watched(role):
    """The files of this role that show the progress of a training, unless it has ended."""

    def of_job(wildcards):
        made_by = artifact(wildcards)
        # new ones must not start it again
        ended = all(Path(path).exists() for path in made_by.outputs)
        return [] if ended else [a.path for a in made_by.watched[role]]

    return of_job


def cfg(wildcards):
    """The slice of the configuration that a job may see, as canonical JSON."""
    made_by = artifact(wildcards)
    return passed(made_by.config, Path(made_by.folder, "config.json"))


def arguments(wildcards):
    """The arguments of a job that are no inputs."""
    return list(artifact(wildcards).arguments)


def part(wildcards):
    """The part of its split that a job works on."""
    return Path(wildcards.part).name if "/" in wildcards.part else WHOLE


def users(wildcards):
    """The runs that a job works for."""
    return artifact(wildcards).users


def training(wildcards):
    """What Snakemake's own report says of the history of a training."""
    made = artifact(wildcards)
    return {"network": made.product, "runs": made.users}


def per_attempt(amount):
    """A resource that a job gets more of when it is tried again after a failure."""

    def of_job(wildcards, attempt):
        return amount * attempt

    return of_job


def launcher(wildcards, resources):
    """The launcher of a training, such as the srun of a profile's `mpi`."""
    # with exec SIGTERM does not end the shell, for which Snakemake waits, before the checkpoint
    return f"exec {resources.get('mpi', '')}"


def parts_of(wildcards):
    """The records of all parts of a split."""
    whole = artifact(wildcards)
    return [whole.part_path(part) for part in whole.parts]


def described_parts(wildcards):
    """The records of all parts of a split, a line each."""
    text = "\n".join(parts_of(wildcards))
    return passed(text, Path(artifact(wildcards).folder, "parts.txt"))


def refined_maps(wildcards):
    """The option with the refined maps that boundaries are computed from, unless the user has own maps."""
    paths = made("refined")(wildcards)
    return ["--refined", *paths] if paths else []


def refiner_gpus(wildcards):
    """The GPUs of a refinement: PAR takes one where there is one, the CRF a core."""
    return int("par" in json.loads(artifact(wildcards).config))


def whole_config(wildcards):
    """The configuration as the report prints it."""
    text = canonical(CONFIG.model_dump(mode="json"))
    return passed(text, Path(PLAN.report.folder, "config.json"))


def described_runs(wildcards):
    """The files of every run as JSON, a line each."""
    lines = [run_files(PLAN, name).to_json() for name in PLAN.runs]
    return passed("\n".join(lines), Path(PLAN.report.folder, "runs.json"))


def publish():
    """Let the readable names lead to what this configuration has made."""
    try:
        for line in refresh(PLAN):
            print(line, file=sys.stderr)
    except UserError as error:
        raise WorkflowError(str(error))


def fetch():
    """Fetch what the jobs read of the hub of Hugging Face, which theirs need not reach."""
    try:
        fetch_networks(PLAN)
    except UserError as error:
        raise WorkflowError(str(error))


def finish():
    """Publish the results, print their table, and remove checkpoints of finished trainings."""
    publish()
    PLAN.discard_checkpoints()
    if (report := Path(PLAN.report.path)).exists():
        # imported here, since it takes its time
        from wsss.report.terminal import show

        show(report.parent)
        print(f"Report: {PLAN.folder}/report.html")


if (
    STARTED
    and not workflow.output_settings.dryrun
    and all(Path(path).exists() for path in PLAN.targets())
):
    # nothing will be made, hence no hook will run
    publish()
