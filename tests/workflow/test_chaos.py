"""A run that is killed in every stage ends, by the same command, as an undisturbed one."""

import os
import random
import re
import signal
import time
from itertools import pairwise

import pandas as pd
import psutil
import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

STAGES = (
    "prepare_data", "train_cam", "infer_cam", "refine_maps", "train_affinity", "random_walk",
    "train_segmenter", "infer_segmenter", "evaluate", "report",
)  # fmt: skip
CHAOS = os.environ.get("WSSS_CHAOS", "")
"""A seed of other moments, and every stage instead of four of them."""

PASSING = ("logs", "benchmarks", "work")
"""Folders of what a run leaves about itself."""


def artifacts(results):
    """Every file of the store but those of `PASSING`, the report without its times."""
    store = results.parent / "store"
    found = {
        str(path.relative_to(store)): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and not set(path.relative_to(store).parts) & set(PASSING)
    }
    for path in [path for path in found if path.endswith("report.html")]:
        found[path], count = re.subn(rb"Wall time summed.*?</table>", b"", found[path], flags=re.S)
        assert count == 1
    return found


def durations(results):
    """The seconds that the longest job of each stage takes."""
    found = {}
    for path in (results.parent / "store").rglob("benchmarks/**/*.tsv"):
        stage = path.relative_to(results.parent / "store").parts[0]
        found[stage] = max(found.get(stage, 0), pd.read_csv(path, sep="\t")["s"].max())
    return found


def stages_of(process):
    """The stages that run in the descendants of a process."""
    found = set()
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        found |= {b.replace("-", "_") for a, b in pairwise(words) if a.endswith("/wsss")}
    return found


def reached(process, stages):
    """Wait until one of `stages` runs; return it, or None if the run ends without."""
    while process.poll() is None:
        if found := stages_of(process) & set(stages):
            return min(found)
        time.sleep(0.02)
    return None


def kill_one(project, left, moment):
    """Run until one of the stages `left` runs and `moment` of it more, then kill all.

    Returns:
        The stage, and whether the run was still going on then.
    """
    process = project.start()
    if stage := reached(process, left):
        time.sleep(moment * left.pop(stage))
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() in (0, -signal.SIGKILL), project.output()
    return stage, alive


def chaos(project, seconds, stages, rng):
    """Kill runs in one stage after the other, then let one end; return the stages."""
    left, kills = {stage: seconds[stage] for stage in stages}, []
    while left:
        stage, alive = kill_one(project, left, rng.uniform(0, 0.9))
        kills += [stage] * alive
        if not alive:
            break
    project.snakemake()
    return kills


@pytest.mark.long
def test_kills_leave_no_trace(project, fresh):
    rng = random.Random(CHAOS)
    stages = STAGES if CHAOS else rng.sample(STAGES, 4)
    kills = chaos(fresh, durations(project.results), stages, rng)
    assert len(kills) >= len(stages) - 1
    killed, undisturbed = artifacts(fresh.results), artifacts(project.results)
    assert len(killed) > 30
    # the other run may have made more, for other tests
    assert killed == {path: undisturbed[path] for path in killed}
    assert "Nothing to be done" in fresh.snakemake("--dry-run")


LONGER = {"until": "cam", "cam": {"train": {"epochs": 60}}}
CLASSIFIER = ("--until", "train_cam")


def training(project):
    """The folder of the only classifier."""
    (folder,) = (project.results.parent / "store/train_cam").iterdir()
    return folder


def end_training(fresh, number, moment):
    """Send a signal to a training that has run for a moment; return whether it left a state."""
    process = fresh.start(*CLASSIFIER, config=LONGER)
    assert reached(process, ["train_cam"])
    children = psutil.Process(process.pid).children(recursive=True)
    victim = next(child for child in children if "train-cam" in child.cmdline())
    log = training(fresh) / "logs/all.log"
    while not (log.exists() and "60 epochs" in log.read_text()):
        time.sleep(0.02)
    time.sleep(moment)
    victim.send_signal(number)
    assert process.wait() == 1, fresh.output()
    return (training(fresh) / "work/resume/last.ckpt").exists()


def test_a_terminated_training_goes_on_from_its_step(fresh):
    fresh.snakemake(*CLASSIFIER, config=LONGER)
    (fresh.folder / "results").rename(fresh.folder / "whole")
    # on a busy machine the first step may take a while
    assert any(end_training(fresh, signal.SIGTERM, 0.5 * 2**n) for n in range(6))
    fresh.snakemake(*CLASSIFIER, config=LONGER)
    one = training(fresh)
    assert "resuming after step" in (one / "logs/all.log").read_text()
    other = fresh.folder / "whole" / one.relative_to(fresh.folder / "results")
    assert (one / "model.pt").read_bytes() == (other / "model.pt").read_bytes()
    assert not (one / "work/resume").exists()


@pytest.mark.long
def test_two_runs_at_a_time_share_what_they_need(fresh):
    """Two configurations in one results folder: equal stages are made once, by either."""
    maps = "--until", "refine_maps"
    one, other = ({"until": "refine", "crf": {"alphas": alphas}} for alphas in ([1, 4], [1, 8]))
    process = fresh.start(*maps, config=one)
    try:
        assert reached(process, STAGES)
        fresh.snakemake(*maps, config=other)
        assert process.wait() == 0, fresh.output()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    store = fresh.results.parent / "store"
    assert len(list((store / "train_cam").iterdir())) == 1
    assert len(list((store / "refine_maps").iterdir())) == 4
    assert not {"train_cam", "infer_cam", "refine_maps"} & (fresh.stale(one) | fresh.stale(other))


def test_jobs_end_with_a_snakemake_that_alone_is_killed(fresh):
    endless = {"cam": {"train": {"epochs": 10**6}}}
    process = fresh.start(*CLASSIFIER, config=endless)
    assert reached(process, ["train_cam"])
    jobs = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(jobs, timeout=30)
    for job in alive:
        job.kill()
    assert jobs
    assert not alive
