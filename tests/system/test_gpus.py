import os
import subprocess
import sys

import pytest

from wsss.errors import UserError
from wsss.system import gpus

HOLD = """
import sys
from pathlib import Path
from wsss.system import gpus
print(*gpus.acquire(sys.argv[2].split(","), int(sys.argv[3]), Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    for name in ("CUDA_VISIBLE_DEVICES", "LOCAL_RANK", "SLURM_JOB_ID", "SLURM_STEP_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(gpus, "_POLL", 0.01)
    yield
    # also undoes what `reserve` has set
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    gpus.release()


@pytest.fixture
def job(tmp_path):
    """Start a process that holds GPUs; return it once it does, and which ones."""
    jobs = []

    def start(names, wanted=1):
        command = [sys.executable, "-c", HOLD, str(tmp_path), names, str(wanted)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        jobs.append(subprocess.Popen(command, text=True, **pipes))
        return jobs[-1], jobs[-1].stdout.readline().split()

    yield start
    for process in jobs:
        process.kill()
        process.communicate()


def test_every_job_takes_another_gpu(job, tmp_path):
    assert job("0,1,2")[1] == ["0"]
    assert job("0,1,2")[1] == ["1"]
    assert gpus.acquire(["0", "1", "2"], folder=tmp_path) == ["2"]


def test_a_killed_job_holds_nothing(job, tmp_path):
    process, held = job("0")
    assert held == ["0"]
    process.kill()
    assert gpus.acquire(["0"], folder=tmp_path) == ["0"]


def test_a_job_waits_until_all_its_gpus_are_free(job, tmp_path, monkeypatch):
    process, _ = job("1,0")
    monkeypatch.setattr(gpus.time, "sleep", lambda _: process.kill())
    assert gpus.acquire(["0", "1"], 2, tmp_path) == ["0", "1"]


def test_a_waiting_job_holds_nothing(job, tmp_path, monkeypatch):
    process, _ = job("0")

    def other_job_looks(_):
        assert job("1")[1] == ["1"]
        process.kill()
        raise TimeoutError

    monkeypatch.setattr(gpus.time, "sleep", other_job_looks)
    with pytest.raises(TimeoutError):
        gpus.acquire(["0", "1"], 2, tmp_path)


def test_cuda_sees_what_was_taken_and_no_more(job, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b,GPU-c")
    job("GPU-a")
    gpus.reserve(3)
    gpus.reserve(1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-b"


def test_a_launched_process_keeps_what_it_was_given(job, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    gpus.reserve(2, 2)
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_gpus_of_another_slurm_job_are_others(job, tmp_path, monkeypatch):
    job("0")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert gpus.acquire(["0"], folder=tmp_path) == ["0"]


def test_more_gpus_than_there_are_is_a_clear_mistake():
    with pytest.raises(UserError, match="on 4 GPUs was requested, but only 2 are visible"):
        gpus.reserve(2, 4)
