"""Rank and number of processes of a distributed training, from the environment (Fabric, SLURM)."""

import ctypes
import os
import signal
import sys

_RANK_ZERO = "WSSS_RANK_ZERO"
"""Environment variable with the process id of rank 0."""

_PR_SET_PDEATHSIG = 1


def srun_tasks() -> tuple[int, int]:
    """Number of tasks and of nodes of the `srun` step of this process; 1, 1 without `srun`."""
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "1")
    return int(tasks), int(os.environ.get("SLURM_STEP_NUM_NODES", "1"))


def launched() -> bool:
    """True if Fabric or `srun` launched this process as one of several, with GPUs assigned."""
    return "LOCAL_RANK" in os.environ or srun_tasks()[0] > 1


def is_rank_zero() -> bool:
    """True on rank 0, which alone logs and writes files; True without distributed training."""
    name = "SLURM_PROCID" if srun_tasks()[0] > 1 else "LOCAL_RANK"
    return int(os.environ.get(name, "0")) == 0


def register_rank_zero() -> None:
    """On rank 0, pass the process id to the ranks that are launched next."""
    if is_rank_zero():
        os.environ[_RANK_ZERO] = str(os.getpid())


def exit_with_rank_zero() -> None:
    """On other ranks, let the kernel kill this process when rank 0 dies (Linux).

    Otherwise it would block its GPU for minutes in a collective operation.
    """
    if is_rank_zero() or _RANK_ZERO not in os.environ or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # rank 0 may have died before the call
    if os.getppid() != int(os.environ[_RANK_ZERO]):
        sys.exit(1)
