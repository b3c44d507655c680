"""Read the small files that the stages leave in the folder of a run."""

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from wsss.config.slices import STAGES, canonical
from wsss.errors import UserError
from wsss.io.checksummed import verify_checksum
from wsss.io.provenance import text_digest
from wsss.report.content import Cost

T = TypeVar("T")

SEGMENTER = re.compile(r"segment(?:er\.|/)([a-z0-9_]+)")
"""Finds the segmenter in the path of a benchmark."""

_WORK = {
    "crf": ("refine_crf", "evaluate/crf"),
    "walk": ("train_affinity", "random_walk", "evaluate/walk"),
}
"""Stages that a run may end before, and how the paths of their benchmarks begin."""


def read(file: Path, parse: Callable[[str], T]) -> T:
    """Return what `parse` makes of the text of a file.

    Raises:
        UserError: the file cannot be read, or `parse` finds it damaged.
    """
    try:
        return parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, csv.Error) as error:
        raise UserError(f"{file}: damaged ({error}); delete it and run again") from error


def evaluation(text: str) -> dict:
    """Return an eval document from its JSON.

    Raises:
        ValueError: it was changed, holds no results or names no kind or split.
    """
    document = json.loads(text)
    sealed = document.pop("sha256", "")
    if text_digest(canonical(document)) != sealed:
        raise ValueError("it does not match its checksum")
    if {"results", "kind", "split"} - set(document):
        raise ValueError("no results, kind or split in it")
    return document


def evaluation_text(document: dict) -> str:
    """Return the JSON of an eval document, its checksum among its keys."""
    return canonical(document | {"sha256": text_digest(canonical(document))}) + "\n"


def history(text: str) -> dict[str, list[float]]:
    """Return the columns of a history.csv; nan where a loss was not computed.

    They are empty where a published checkpoint was taken instead of a training.

    Raises:
        ValueError: it was changed.
    """
    rows = csv.DictReader(verify_checksum(text).splitlines())
    columns: dict[str, list[float]] = {name: [] for name in rows.fieldnames or ()}
    for row in rows:
        for name, column in columns.items():
            column.append(float(row[name] or "nan"))
    return columns


def costs(folder: Path, shards: int, stages: Sequence[str]) -> tuple[Cost, ...]:
    """Return the cost of every stage that has Snakemake benchmark files in `folder`.

    Those of another number of shards, of other segmenters or of later stages do not count.
    """
    jobs: dict[str, list[tuple[float, float | None]]] = {}
    for file in sorted(folder.rglob("*.tsv")):
        place = file.relative_to(folder)
        if "-of-" in file.name and not file.name.endswith(f"-of-{shards}.tsv"):
            continue
        if not _belongs(place.as_posix(), stages):
            continue
        stage = place.parts[0].partition(".")[0]
        jobs.setdefault(stage, []).extend(read(file, _benchmark))
    return tuple(
        Cost(
            stage=stage,
            jobs=len(rows),
            seconds=sum(seconds for seconds, _ in rows),
            memory=max((memory for _, memory in rows if memory is not None), default=None),
        )
        for stage, rows in sorted(jobs.items(), key=lambda job: _place(job[0]))
    )


def _belongs(place: str, stages: Sequence[str]) -> bool:
    """Tell whether the benchmark at this place is of one of the stages, or of no judged one."""
    if named := SEGMENTER.search(place):
        return f"segment/{named[1]}" in stages
    later = next((stage for stage, work in _WORK.items() if place.startswith(work)), None)
    return later is None or later in stages


def _place(stage: str) -> tuple[int, str]:
    """Return a key that sorts stages like the pipeline, and unknown ones last."""
    order = list(STAGES)
    return (order.index(stage) if stage in order else len(order), stage)


def _benchmark(text: str) -> list[tuple[float, float | None]]:
    """Return (seconds, peak MB) per repetition; jobs too short to be measured have no memory."""
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return [(float(row["s"]), _number(row["max_rss"])) for row in rows]


def _number(text: str) -> float | None:
    return None if text in ("-", "NA", "") else float(text)
