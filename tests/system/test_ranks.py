import logging
import os
import subprocess
import sys

import pytest

from wsss.io.progress import log, start_logging
from wsss.system.ranks import is_rank_zero, launched, register_rank_zero, srun_tasks

NAMES = ("LOCAL_RANK", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_NODES")


def setting(monkeypatch, **values):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_a_process_of_its_own_speaks_for_itself(monkeypatch):
    setting(monkeypatch)
    assert is_rank_zero() and not launched() and srun_tasks() == (1, 1)


@pytest.mark.parametrize("rank", [0, 1])
def test_fabric_tells_the_rank(monkeypatch, rank):
    setting(monkeypatch, LOCAL_RANK=str(rank))
    assert launched() and is_rank_zero() == (rank == 0)


def test_srun_tells_the_rank_of_several_tasks(monkeypatch):
    setting(monkeypatch, SLURM_PROCID="3", SLURM_STEP_NUM_TASKS="4", SLURM_STEP_NUM_NODES="2")
    assert launched() and not is_rank_zero() and srun_tasks() == (4, 2)


def test_the_single_task_of_a_step_is_no_training_of_many(monkeypatch):
    setting(monkeypatch, SLURM_PROCID="0", SLURM_STEP_NUM_TASKS="1")
    assert is_rank_zero() and not launched()


def test_a_further_process_adds_its_errors_to_the_log(monkeypatch, tmp_path):
    before = log.handlers[:], log.level, log.propagate
    for rank in "01":
        setting(monkeypatch, LOCAL_RANK=rank)
        start_logging(tmp_path / "log")
        log.info("line of %s", rank)
        log.error("error of %s", rank)
        for handler in log.handlers:
            handler.close()
    log.handlers[:], log.propagate = before[0], before[2]
    log.setLevel(before[1] or logging.NOTSET)
    lines = [line.partition(" ")[2] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines == ["line of 0", "error of 0", "error of 1"]


FOLLOWER = (
    "from wsss.system.ranks import exit_with_rank_zero; exit_with_rank_zero(); print('alive')"
)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends it")
@pytest.mark.parametrize(
    ("rank", "own", "alive"), [(1, True, True), (1, False, False), (0, False, True)]
)
def test_a_further_process_does_not_outlive_the_first(rank, own, alive):
    first = str(os.getpid()) if own else "1"
    environment = os.environ | {"LOCAL_RANK": str(rank), "WSSS_RANK_ZERO": first}
    command = [sys.executable, "-c", FOLLOWER]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.stdout == "alive\n") == (ended.returncode == 0) == alive


def test_the_first_process_leaves_its_number(monkeypatch):
    setting(monkeypatch)
    monkeypatch.setenv("WSSS_RANK_ZERO", "")
    register_rank_zero()
    assert os.environ["WSSS_RANK_ZERO"] == str(os.getpid())
