"""Rehearsal of a workflow: every stage on a few made-up images, as a process of its own.

What is measured is the real work on the machine at hand: the jobs of a stage run side by side, as
many as the workflow would start, with the threads that it would give them.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from json import loads
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryFile
from time import monotonic
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel

from wsss.config.crf import CrfKernel
from wsss.errors import UserError
from wsss.io.parts import WHOLE
from wsss.io.progress import log, track
from wsss.io.provenance import text_digest
from wsss.io.times import TIMES
from wsss.ops.crf import ImageCRF
from wsss.ops.par import ImagePAR
from wsss.pipeline import STAGES
from wsss.plan.artifact import Artifact
from wsss.plan.artifacts import Plan
from wsss.planning.brief import Brief, Machine, brief
from wsss.planning.images import Images
from wsss.products import TRAIN

WARM = 2
"""First items of a job that are not counted."""

UNREHEARSED = (
    *("convert_weights", "embed_text", "pack_classifier", "pack_segmenter"),
    *("read_corrected", "report"),
)
"""Stages that are not rehearsed; they take about as long as others take to start."""

_PER_JOB = (3, 30)
"""Fewest and most images of a job."""
_MEGAPIXELS = 1.2
"""Pixels of a job, within these limits."""
_THREADS = 4
"""Threads of the stages that check or cut the data set."""
_NO_OPTIONS = ("demo", "fetched", "weights", "further", "text", "corrected")
"""Roles of inputs that a rehearsal leaves out: networks start from random weights, and the masks
that are learnt cost the same whatever they show."""


_GIVEN = ("--further", "--text", "--monitor")
"""Options of networks that a rehearsal leaves out, too, and those of validations."""

_NETWORKS = ("model", "affinity", "classifier", "weights")
"""Roles of inputs that are networks."""


class Seconds(NamedTuple):
    """Seconds of a job.

    Attributes:
        start: those besides its items: imports, reading, writing a network.
        item: those per image, or per sample of a training, while other jobs run beside it.
    """

    start: float
    item: float


class Measured(BaseModel, frozen=True):
    """Measurements of a stage.

    Attributes:
        wall: seconds that pass.
        cpu: seconds of CPU cores; other processes on the machine hardly change them.
        memory: largest memory of a job with its loader processes, in bytes; shared parts count
            for each.
        disk: bytes per image, or of a network.
    """

    wall: Seconds
    cpu: Seconds
    memory: float
    disk: float


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """A stage to rehearse.

    Attributes:
        artifact: artifact of the plan that it makes.
        brief: its settings.
        inputs: rehearsals that it reads, by role.
        identity: digest of all this, equal for artifacts that cost the same.
    """

    artifact: Artifact
    brief: Brief
    inputs: Mapping[str, tuple["Rehearsal", ...]]
    identity: str


def rehearsals(plan: Plan, images: Images, machine: Machine) -> dict[str, Rehearsal]:
    """Return the rehearsal of every artifact of a plan by its key.

    Artifacts that differ in the split, the seed or the length of a training share one.

    Args:
        plan: of a data set as `wsss.planning.photos.dataset_of` describes it.
        images: the images, or their tiles.
        machine: settings depend on its speed.
    """
    found: dict[str, Rehearsal] = {}
    same: dict[str, Rehearsal] = {}
    for key, artifact in plan.artifacts.items():
        if artifact.stage in UNREHEARSED:
            continue
        run = plan.runs[next(iter(artifact.runs))] if artifact.runs else plan.config
        settings = brief(artifact.config, run, images, machine)
        inputs = {
            role: tuple(dict.fromkeys(found[one.key] for one in made))
            for role, made in artifact.inputs.items()
            if role not in _NO_OPTIONS
        }
        facts = [artifact.stage, settings.config, *_arguments(artifact)]
        sources = [(role, [one.identity for one in made]) for role, made in inputs.items()]
        identity = text_digest(repr([facts, sources]))
        new = Rehearsal(artifact, settings, inputs, identity)
        found[key] = same.setdefault(identity, new)
    return found


def photos(whole: Images, images: Images, jobs: int) -> Images:
    """Return the number of made-up photographs that give every job enough items.

    Args:
        whole: the images of the forecast.
        images: these, or their tiles.
        jobs: most jobs that run side by side.
    """
    fewest, most = _PER_JOB
    per_job = min(max(round(_MEGAPIXELS / images.megapixels), fewest), most)
    per_image = max(1, images.train // whole.train)
    count = -(-per_job * jobs // per_image)
    return replace(whole, train=max(count, WARM + 1), val=1)


def rehearse(
    wanted: Mapping[str, Rehearsal], machine: Machine, folder: Path
) -> dict[str, Measured]:
    """Run the rehearsals one after the other; return what each one took by its identity.

    Args:
        wanted: what `rehearsals` returned.
        machine: its cores.
        folder: working directory, with the made-up data set.

    Raises:
        UserError: a stage failed.
    """
    _compile_kernels()
    distinct = list({one.identity: one for one in wanted.values()}.values())
    measured = {}
    for one in track(distinct, "rehearsal of all stages"):
        log.info("rehearsing %s", one.artifact.stage)
        measured[one.identity] = _measured(one, machine, folder)
    return measured


def _compile_kernels() -> None:
    """Let CRF, PAR and random walk compile their kernels, as they do once per installation."""
    import torch

    from wsss.ops.pairs import pair_indices
    from wsss.ops.walk import random_walk

    image, scores = np.zeros((8, 8, 3), np.uint8), np.full((2, 8, 8), 0.5, np.float32)
    ImageCRF(image, 2, CrfKernel()).refine(scores)
    ImagePAR(image).refine(scores)
    pairs = torch.ones(pair_indices(8, 8, 2)[1].shape)
    random_walk(torch.from_numpy(scores), pairs, radius=2, beta=1, steps=2)


def at_once(artifact: Artifact, machine: Machine) -> int:
    """Return the number of jobs of an artifact that run side by side."""
    # a job that reads a network needs a GPU of its own, if there is one
    network = machine.gpus and any(artifact.inputs.get(role) for role in _NETWORKS)
    return min(len(artifact.parts), machine.gpus if network else machine.cores)


def _measured(one: Rehearsal, machine: Machine, folder: Path) -> Measured:
    """Run the jobs of a stage, gather what they made, and return the mean of what they took."""
    artifact, jobs = one.artifact, at_once(one.artifact, machine)
    parts = [f"{number}-of-{jobs}" for number in range(1, jobs + 1)] if jobs > 1 else [WHOLE]
    with ThreadPoolExecutor(jobs) as pool:
        taken = list(pool.map(lambda part: _job(one, part, machine, folder), parts))
    if jobs > 1:
        records = "\n".join(artifact.part_path(part) for part in parts)
        _run(["gather-parts", "--parts", records, "--out", artifact.path], folder)
    written = _bytes(folder / artifact.folder)
    # gradients and moments of a network do not grow with its images
    state = 2 * written if one.brief.batch else 0
    per_pixel = one.brief.pixels / max(one.brief.batch, 1)
    return Measured(
        wall=_mean([job.wall for job in taken], per_pixel),
        cpu=_mean([job.cpu for job in taken], per_pixel),
        memory=max(memory_of(job.memory, job.grown, state, one.brief.memory) for job in taken),
        disk=written if one.brief.batch else written / max(sum(job.items for job in taken), 1),
    )


def memory_of(before: float, grown: float, state: float, factor: float) -> float:
    """Return the memory of a job whose images have more pixels than those of its rehearsal.

    Args:
        before: bytes before the first item.
        grown: bytes that its items add.
        state: those of them that do not depend on the pixels.
        factor: pixels that are in memory at a time, per pixel of the rehearsal.
    """
    fixed = min(state, grown)
    return before + fixed + (grown - fixed) * factor


def _mean(jobs: Sequence[Seconds], factor: float) -> Seconds:
    """Return the mean seconds of jobs, those of an item times a factor."""
    return Seconds(fmean(job.start for job in jobs), fmean(job.item for job in jobs) * factor)


@dataclass(frozen=True)
class _Job:
    """Measurements of one job.

    Attributes:
        wall: seconds that pass.
        cpu: seconds of CPU cores.
        items: number of images or steps.
        memory: bytes before the first item, and of loader processes.
        grown: bytes more until the last item.
    """

    wall: Seconds
    cpu: Seconds
    items: int
    memory: float
    grown: float


def _job(one: Rehearsal, part: str, machine: Machine, folder: Path) -> _Job:
    """Run a job and return what it took."""
    file = Path(folder, f"times-{one.identity}-{part}")
    wall, cpu = _run(_command(one, part, machine), folder, file)
    loops = [loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    memory = [loop["memory"] for loop in loops] or [[0, 0]]
    loaders = max((loop["loaders"] for loop in loops), default=0)
    return _Job(
        seconds_of(wall, [loop["wall"] for loop in loops]),
        seconds_of(cpu, [loop["cpu"] for loop in loops]),
        items=max((len(loop["wall"]) - 1 for loop in loops), default=0),
        memory=memory[0][0] + loaders,
        grown=max(after for _, after in memory) - memory[0][0],
    )


def seconds_of(total: float, loops: Sequence[Sequence[float]]) -> Seconds:
    """Return the seconds of a job.

    Args:
        total: all of them.
        loops: of each loop over its items, the times before the first and after every item.
    """
    each = [seconds_per_item(times) for times in loops]
    inside = sum(one * (len(times) - 1) for one, times in zip(each, loops, strict=True))
    return Seconds(max(total - inside, 0.0), sum(each))


def seconds_per_item(times: Sequence[float]) -> float:
    """Return the mean seconds of the items after the first ones, which pay for what is set up."""
    warm = min(WARM, len(times) - 2)
    return (times[-1] - times[warm]) / (len(times) - 1 - warm) if warm >= 0 else 0.0


def _command(one: Rehearsal, part: str, machine: Machine) -> list[str]:
    """Return the command of a job, as the rules of the workflow have it."""
    artifact, stage = one.artifact, STAGES[one.artifact.stage]
    words = [stage.name.replace("_", "-"), *_arguments(artifact)]
    for role, made in one.inputs.items():
        # the tables of tiles replace the folder of the data where that is read
        if made and not (role == "tiles" and stage.reads):
            words += [f"--{role}", *(source.artifact.path for source in made)]
    if stage.keys or stage.scattered:
        words += ["--config", one.brief.config]
    if artifact.split and stage.reads != "masks":
        words += ["--split", TRAIN]
    if one.brief.batch:
        work = f"{artifact.folder}/work"
        words += ["--history", artifact.outputs[1], "--work", work, "--devices", "1"]
    if stage.scattered:
        return [*words, "--part", part, "--threads", "1", "--out", artifact.part_path(part)]
    if one.brief.batch or stage.reads in ("index", "masks", "tiles"):
        threads = machine.cores if one.brief.batch else min(_THREADS, machine.cores)
        words += ["--threads", str(threads)]
    return [*words, "--out", artifact.path]


def _arguments(artifact: Artifact) -> list[str]:
    """Return the arguments of a stage without the last ones, from one of `_GIVEN` on."""
    given = (place for place, word in enumerate(artifact.arguments) if word in _GIVEN)
    return list(artifact.arguments[: next(given, None)])


def _run(words: list[str], folder: Path, times: Path | None = None) -> tuple[float, float]:
    """Run a subcommand of this package; return its seconds and those of CPU cores.

    Raises:
        UserError: it failed; with its last line.
    """
    environment = os.environ | ({TIMES: str(times)} if times else {})
    command = [sys.executable, "-m", "wsss", *words]
    begin = monotonic()
    with TemporaryFile(mode="w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        lines = output.read().strip().splitlines()
    if process.returncode:
        raise UserError(f"the rehearsal of {words[0]} failed: {lines[-1] if lines else status}")
    return monotonic() - begin, usage.ru_utime + usage.ru_stime


def _bytes(folder: Path) -> int:
    """Return the size of everything that a stage leaves in its folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if "work" not in path.parts)
