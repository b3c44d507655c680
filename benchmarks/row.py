"""A row of the table of benchmarks, and how its numbers are measured."""

import ctypes
import re
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One workload.

    Attributes:
        workload: the work.
        baseline: CPU seconds of the baseline; nan = it has none.
        ours: CPU seconds of the project; nan = not measured.
        bar: ratio baseline / ours to reach; without a baseline the seconds not to exceed.
        agreement: how far the outputs agree.
        memory: peak memory of both, if it was measured.
        limit: the bar is seconds although there is a baseline.
    """

    workload: str
    baseline: float
    ours: float
    bar: float
    agreement: str = "-"
    memory: str = "-"
    limit: bool = False

    @property
    def ratio(self) -> float:
        """Baseline / ours; nan without a baseline."""
        return self.baseline / self.ours

    @property
    def in_seconds(self) -> bool:
        """True if the bar is seconds."""
        return self.limit or isnan(self.baseline)

    @property
    def reached(self) -> bool:
        """True if the bar is reached; False if nothing was measured."""
        return self.ours <= self.bar if self.in_seconds else self.ratio >= self.bar

    def __str__(self) -> str:
        bar = f"<= {_time(self.bar)}" if self.in_seconds else f">= {self.bar:.3g} x"
        if not self.reached:
            bar += "" if isnan(self.ours) else ": **below**"
        cells = (
            self.workload,
            "-" if isnan(self.baseline) else _time(self.baseline),
            "not measured" if isnan(self.ours) else _time(self.ours),
            "-" if isnan(self.ratio) else f"{self.ratio:.3g} x",
            bar,
            self.agreement,
            self.memory,
        )
        return f"| {' | '.join(cells)} |"


HEADER = """\
| workload | baseline | ours | ratio | bar | agreement | peak memory, baseline / ours |
|---|---|---|---|---|---|---|"""


class MissingError(Exception):
    """Something that a benchmark needs and that is not there."""


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


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
    """Return the MiB by which a call raises the memory of this process; nan = not on Linux."""
    if sys.platform != "linux":
        return nan
    # what earlier calls left free would not count
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    try:
        # 5 sets the peak back to the present
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return nan
    before = _status("VmRSS")
    function()
    return (_status("VmHWM") - before) / 1024


def _status(key: str) -> float:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)
    assert found, key
    return float(found[1])


def beside(baseline: float, ours: float, bar: float = 0.0) -> str:
    """Return the cell of two peaks in MiB, and says so if their ratio is below a bar."""
    if isnan(baseline + ours):
        return "-"
    cell = f"{baseline:.0f} / {ours:.0f} MiB"
    return cell if baseline >= bar * ours else f"{cell}: **below** {bar:g} x"


def write(line: object) -> None:
    """Show a line of the table while the others are measured."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
