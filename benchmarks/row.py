"""A row of the table of benchmarks, and how its figures are measured."""

import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One workload.

    Attributes:
        workload: the work.
        baseline: seconds of the baseline; nan = it has none, and `bar` is in seconds.
        ours: seconds of the project.
        bar: ratio baseline / ours to reach, or the seconds not to exceed.
        agreement: how far the outputs agree.
        memory: peak memory of both, if it was measured.
    """

    workload: str
    baseline: float
    ours: float
    bar: float
    agreement: str
    memory: str = ""

    @property
    def ratio(self) -> float:
        """Baseline / ours; nan without a baseline."""
        return self.baseline / self.ours

    @property
    def reached(self) -> bool:
        """True if the bar is reached."""
        return self.ratio >= self.bar if self.baseline == self.baseline else self.ours <= self.bar


def interleaved(
    baseline: Callable[[], object], ours: Callable[[], object], repeats: int = 7
) -> tuple[float, float]:
    """Return the median CPU seconds of two functions that are called in turns.

    The first call of each, which compiles and fills caches, does not count.
    """
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):
        for function, seconds in zip((baseline, ours), found, strict=True):
            start = time.process_time()
            function()
            seconds.append(time.process_time() - start)
    first, second = (statistics.median(seconds[1:]) for seconds in found)
    return first, second


def alone(function: Callable[[], object], repeats: int = 7) -> float:
    """Return the median CPU seconds of a function."""
    return interleaved(lambda: None, function, repeats)[1]


def peak_memory(function: Callable[[], object]) -> float:
    """Return the MB by which a function raises the peak memory of a process of its own."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        function()
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.write(writer, str(after - before).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        kilobytes = float(pipe.read() or "nan")
    os.wait()
    return kilobytes / 1024
