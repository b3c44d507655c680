"""The machine at hand."""

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wsss.io.units import size_text

_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""File with the memory that a container may use."""


@dataclass(frozen=True)
class Hardware:
    """What a plan depends on, and the versions that it was made with.

    Attributes:
        cores: CPU cores of this process.
        memory: bytes of main memory.
        gpus: names of the GPUs.
        gpu_memory: bytes of the smallest GPU; 0 without one.
        python: version of Python.
        torch: version of PyTorch.
    """

    cores: int
    memory: int
    gpus: tuple[str, ...]
    gpu_memory: int
    python: str
    torch: str

    def __str__(self) -> str:
        cores = f"{self.cores} core{'s' * (self.cores > 1)}"
        gpus = [f"{name} of {size_text(self.gpu_memory)}" for name in self.gpus]
        return f"{cores}, {size_text(self.memory)} of memory, {', '.join(gpus) or 'no GPU'}"


def hardware_here() -> Hardware:
    """Return the machine at hand."""
    # imported here, since it takes its time
    import torch

    gpus = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
    return Hardware(
        cores=_cores(),
        memory=_memory(),
        gpus=tuple(gpu.name for gpu in gpus),
        gpu_memory=min((gpu.total_memory for gpu in gpus), default=0),
        python=platform.python_version(),
        torch=str(torch.__version__),
    )


def _cores() -> int:
    free = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return free or 1


def _memory() -> int:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        return min(whole, int(_LIMIT.read_text()))
    return whole
