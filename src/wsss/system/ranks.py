"""Which of the processes of one training this is, as their launcher says in the environment."""

import ctypes
import os
import signal
import sys

_FIRST = "WSSS_FIRST"


def srun_tasks() -> tuple[int, int]:
    """Return the numbers of tasks and of nodes of the `srun` that started this process, or 1, 1."""
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "1")
    return int(tasks), int(os.environ.get("SLURM_STEP_NUM_NODES", "1"))


def launched() -> bool:
    """Return whether somebody has started this process as one of several and shared the GPUs."""
    return "LOCAL_RANK" in os.environ or srun_tasks()[0] > 1


def is_first() -> bool:
    """Return whether this process speaks and writes for all: True for a single one."""
    name = "SLURM_PROCID" if srun_tasks()[0] > 1 else "LOCAL_RANK"
    return int(os.environ.get(name, "0")) == 0


def lead() -> None:
    """Let the processes that this one starts follow it; see `follow`."""
    if is_first():
        os.environ[_FIRST] = str(os.getpid())


def follow() -> None:
    """Let this process end with the first one of its training, however that ends.

    Else it would wait for the first, on its GPU, for many minutes.
    """
    if is_first() or _FIRST not in os.environ or sys.platform != "linux":
        return
    # the 1 is PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != int(os.environ[_FIRST]):
        sys.exit(1)
