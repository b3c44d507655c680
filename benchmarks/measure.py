"""Interleaved measurement of two implementations, and the table of the results."""

import os
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
REPEATS = 3
MEGA = 2**20


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        workload: what is computed.
        baseline: CPU milliseconds of the baseline.
        ours: CPU milliseconds of this project.
        bar: least ratio of the two.
        agreement: how far the outputs are from each other.
        memory: peak memory of the baseline and of this project beyond that before, MiB; None = the
            system does not tell.
    """

    workload: str
    baseline: float
    ours: float
    bar: float
    agreement: str
    memory: tuple[float | None, float | None]

    def __str__(self) -> str:
        ratio = self.baseline / self.ours
        verdict = "" if ratio >= self.bar else ", below"
        memory = " / ".join("-" if value is None else f"{value:.0f}" for value in self.memory)
        return (
            f"| {self.workload} | {self.baseline:.0f} ms | {self.ours:.0f} ms "
            f"| {ratio:.1f} x (bar {self.bar:g}{verdict}) | {self.agreement} | {memory} MiB |"
        )


HEADER = """\
| workload | baseline | ours | ratio | agreement | peak memory, baseline / ours |
|---|---|---|---|---|---|"""


def table(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield HEADER
    yield from map(str, rows)


def one_core() -> None:
    """Keep this process on one core."""
    cv2.setNumThreads(1)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class Sides(NamedTuple):
    """Measurements of the baseline and of this project on one input: CPU ms, output, MiB."""

    milliseconds: tuple[float, float]
    outputs: tuple[Any, Any]
    memory: tuple[float | None, float | None]


def interleaved(baseline: Callable[[], Any], ours: Callable[[], Any]) -> Sides:
    """Run both in turn; the first run of each measures the memory."""
    sides = (baseline, ours)
    ours()  # compiles
    outputs, memory = zip(*map(_with_peak, sides), strict=True)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPEATS):
        for side, found in zip(sides, times, strict=True):
            start = time.process_time()
            side()
            found.append(1e3 * (time.process_time() - start))
    low, high = map(statistics.median, times)
    return Sides((low, high), outputs, memory)


def _with_peak(function: Callable[[], Any]) -> tuple[Any, float | None]:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _status("VmRSS")
    except OSError:
        return function(), None
    output = function()
    return output, (_status("VmHWM") - before) / MEGA


def _status(key: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)
    assert found, key
    return int(found[1]) * 1024


def photographs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield photographs (H, W, 3) uint8 with their masks (H, W) uint8.

    They are in `voc-mini` of the folder that WSSS_SHARED names, laid out as PASCAL VOC.

    Raises:
        FileNotFoundError: they are not there.
    """
    folder = ROOT / os.environ.get("WSSS_SHARED", "../shared") / "voc-mini"
    files = sorted((folder / "JPEGImages").glob("*.jpg"))
    if not files:
        raise FileNotFoundError(f"no photographs in {folder}; WSSS_SHARED names another folder")
    for file in files:
        mask = folder / "SegmentationClass" / f"{file.stem}.png"
        yield np.array(Image.open(file).convert("RGB")), np.array(Image.open(mask))
