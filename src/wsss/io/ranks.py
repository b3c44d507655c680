"""Which of the processes of one training this is, as their launcher says in the environment."""

import os


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
