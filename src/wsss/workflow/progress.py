"""Progress of a running workflow, by the artifacts and logs that its jobs write."""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from wsss.io.progress import WARNING
from wsss.io.units import time_text
from wsss.plan.artifact import Artifact

_TO_GO = re.compile(r"(\d+ of \d+), \d+ s elapsed, (\d+) s to go")
"""The progress in a line of a log, see `wsss.io.progress.track`."""

_SAID = re.compile(rf"^[\d:]+ (?:{WARNING}(.*)|(weights of .*: licence .*))$", re.MULTILINE)
"""A warning of a job, or the licence of the weights that it has read."""

_TAIL = 400
"""Bytes at the end of a log that are read."""


class Watch:
    """The stages of a workflow that goes on.

    Args:
        missing: the artifacts that it is going to make.
    """

    def __init__(self, missing: Iterable[Artifact]) -> None:
        self._stages: dict[str, list[Artifact]] = {}
        for artifact in missing:
            self._stages.setdefault(artifact.stage, []).append(artifact)
        self._total = sum(map(len, self._stages.values()))
        self._before = self._looked = time.time()
        self._spent: dict[str, float] = defaultdict(float)
        self._said: set[str] = set()
        self._read: dict[Path, int] = {}

    def news(self) -> Iterator[str]:
        """Yield a line for every stage that has ended since the last call, with its time.

        That is the time in which `running` has found jobs of it. Before it come the warnings of
        its jobs, each once, and the licences of weights.
        """
        for stage, artifacts in list(self._stages.items()):
            ended = all(one.exists for one in artifacts)
            yield from self._warnings(stage, artifacts)
            if ended:
                del self._stages[stage]
                done = self._total - sum(map(len, self._stages.values()))
                yield (
                    f"{stage:<20} {_times(len(artifacts)):>10} "
                    f"{time_text(self._spent[stage]):>8}"
                    f"   {done} of {self._total}"
                )

    def running(self) -> Iterator[str]:
        """Yield a line for every stage that has a job now, with its share and remaining time."""
        now = time.time()
        since, self._looked = now - self._looked, now
        for stage, artifacts in self._stages.items():
            left = [one for one in artifacts if not one.exists]
            logs = [path for one in left for path in self._logs(one)]
            if logs:
                self._spent[stage] += since
                done = f"{len(artifacts) - len(left)} of {len(artifacts)}"
                told = (_progress(path) for path in logs)
                yield f"{stage:<20} {done:>10}   {'; '.join(filter(None, told))}".rstrip()

    def _warnings(self, stage: str, artifacts: Iterable[Artifact]) -> Iterator[str]:
        """Yield what is to be known from logs that have changed since the last call."""
        for path in (path for one in artifacts for path in self._logs(one)):
            size = path.stat().st_size
            if self._read.get(path) == size:
                continue
            self._read[path] = size
            for found in _SAID.findall(path.read_text(encoding="utf-8", errors="replace")):
                line = f"{stage}: {''.join(found)}"
                if line not in self._said:
                    self._said.add(line)
                    yield line

    def _logs(self, artifact: Artifact) -> list[Path]:
        """Return the logs that jobs of an artifact have written to since the workflow started."""
        paths = Path(artifact.folder, "logs").rglob("*.log")
        return [path for path in paths if path.stat().st_mtime >= self._before]


def _times(count: int) -> str:
    return f"{count} x" if count > 1 else ""


def _progress(log: Path) -> str:
    """Return the last progress in a log; empty if there is none yet."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        text = file.read().decode("utf-8", "replace")
    found = _TO_GO.findall(text)
    if not found:
        return ""
    share, seconds = found[-1]
    return f"{share}, {time_text(float(seconds))} left"
