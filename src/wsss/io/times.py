"""Times and memory of a loop over images or steps, for `wsss forecast`."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path

TIMES = "WSSS_TIMES"
"""Environment variable: the file that every loop appends a line to."""


@contextmanager
def timed() -> Iterator[Callable[[], None]]:
    """Yield what is called after every item; write the times to `TIMES`, if that is set.

    The line is a JSON object: `wall` and `cpu` in seconds, the first ones before the first item,
    `cpu` with loader processes; the largest `memory` of the process in bytes before the first item
    and after the last one, and that of its `loaders` together.
    """
    file = os.environ.get(TIMES)
    wall, cpu, before, loaders = [time.monotonic()], [time.process_time()], _peak_memory(), [0]

    def note() -> None:
        if file:
            wall.append(time.monotonic())
            children = [str(one.pid) for one in active_children()]
            cpu.append(time.process_time() + sum(map(_cpu_seconds, children)))
            loaders.append(sum(map(_peak_memory, children)))

    yield note
    if file:
        line = {"wall": wall, "cpu": cpu, "memory": [before, _peak_memory()]}
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(json.dumps(line | {"loaders": max(loaders)}) + "\n")


def _cpu_seconds(process: str) -> float:
    """Return the CPU seconds of a process so far; 0 = not known."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    # the fields behind the name of the program, which may have spaces
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_memory(process: str = "self") -> int:
    """Return the largest resident memory of a process so far, in bytes; 0 = not known."""
    # the system's own count begins with the memory of the process that started this one
    status = Path(f"/proc/{process}/status")
    if status.exists():
        lines = (line.split() for line in status.read_text().splitlines())
        return next((int(words[1]) * 1024 for words in lines if words[0] == "VmHWM:"), 0)
    unit = 1 if sys.platform == "darwin" else 1024
    own = process == "self"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit if own else 0
