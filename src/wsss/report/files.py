"""Read the tables that the stages leave beside their results."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import NamedTuple, TypeVar

from wsss.errors import UserError
from wsss.io.checksummed import verify_checksum
from wsss.io.records import PARTS
from wsss.pipeline import STAGES
from wsss.report.content import StageCost

T = TypeVar("T")

_RESUMED = "work"
"""Folder of what a training leaves beside its results."""


class _Job(NamedTuple):
    """Seconds, peak memory in MB and seconds of processor cores of a job; None = not measured."""

    seconds: float
    memory: float | None
    cpu: float | None


def read(file: Path, parse: Callable[[str], T]) -> T:
    """Parse the text of a file.

    Raises:
        UserError: the file cannot be read, or `parse` raises.
    """
    try:
        return parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, csv.Error) as error:
        raise UserError(f"{file}: damaged ({error}); delete it and run again") from error


def history(text: str) -> dict[str, list[float]]:
    """Return the columns of a history.csv; nan where a loss was not computed.

    They are empty where a published checkpoint replaced the training.

    Raises:
        ValueError: the text does not match its checksum.
    """
    rows = csv.DictReader(verify_checksum(text).splitlines())
    columns: dict[str, list[float]] = {name: [] for name in rows.fieldnames or ()}
    for row in rows:
        for name, column in columns.items():
            column.append(float(row[name] or "nan"))
    return columns


def costs(benchmarks: Mapping[str, Iterable[Path]]) -> tuple[StageCost, ...]:
    """Return the cost of every stage, in the order of the chain.

    Args:
        benchmarks: folders with Snakemake's benchmark files, each in the folder of the results, by
            stage; a folder counts once.
    """
    order = [*STAGES, *benchmarks]
    found = [
        _cost(stage, list(dict.fromkeys(benchmarks[stage])))
        for stage in sorted(benchmarks, key=order.index)
    ]
    return tuple(cost for cost in found if cost.jobs)


def _cost(stage: str, folders: Sequence[Path]) -> StageCost:
    jobs = [
        job for folder in folders for file in _benchmarks(folder) for job in read(file, _benchmark)
    ]
    return StageCost(
        stage=stage,
        jobs=len(jobs),
        seconds=sum(job.seconds for job in jobs),
        memory=max((job.memory for job in jobs if job.memory is not None), default=None),
        cpu=sum(known) if (known := [job.cpu for job in jobs if job.cpu is not None]) else None,
        size=sum(_size(folder.parent) for folder in folders),
    )


def _size(folder: Path) -> int:
    """Return the bytes of the results in a folder; what only continues a training is none."""
    found = (path for path in folder.rglob("*") if _RESUMED not in path.relative_to(folder).parts)
    return sum(path.stat().st_size for path in found if path.is_file())


def _benchmarks(folder: Path) -> list[Path]:
    """Return the benchmark files of the jobs whose results are in use.

    Those of an interrupted run with another number of jobs have no record beside them; jobs that
    gather parts do not count.
    """
    found = []
    for file in sorted(folder.rglob("*.tsv")):
        place = file.relative_to(folder)
        left_over = PARTS in place.parts and not (folder.parent / place).exists()
        if place.parts[0] != "gather" and not left_over:
            found.append(file)
    return found


def _benchmark(text: str) -> list[_Job]:
    """Return the measurements per repetition; those of short jobs lack the memory.

    Snakemake writes no checksum, but the time twice and memory by several definitions.

    Raises:
        ValueError: they contradict each other.
    """
    found = []
    for row in csv.DictReader(text.splitlines(), delimiter="\t"):
        seconds, memory = float(row["s"]), _number(row["max_rss"])
        most = _number(row.get("max_vms", "NA"))
        if not abs(seconds - _seconds(row.get("h:m:s", row["s"]))) <= 1:
            raise ValueError(f"{row['s']} s are not {row['h:m:s']}")
        if memory is not None and not 0 <= memory <= (memory if most is None else most) < inf:
            raise ValueError(f"{memory} MB of {most} MB")
        found.append(_Job(seconds, memory, _number(row.get("cpu_time", "NA"))))
    return found


def _seconds(text: str) -> float:
    """Return the seconds of a time such as 1 day, 2:03:04."""
    days, _, clock = text.rpartition(", ")
    parts = [float(part) for part in clock.split(":")]
    return float(days.split()[0] if days else 0) * 86400 + sum(
        part * 60**power for power, part in enumerate(reversed(parts))
    )


def _number(text: str) -> float | None:
    return None if text in ("-", "NA", "") else float(text)
