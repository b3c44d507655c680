"""Modification times of artifacts, by which Snakemake finds stale files.

A copy or a checkout leaves files with dates in any order. The key of an artifact says what it is
made from, whatever its date; so dates are put into the order of the chain.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from wsss.plan.artifacts import Plan


def order_dates(plan: Plan) -> None:
    """Make no artifact older than those that it is made from."""
    newest: dict[str, int] = {}
    for key, artifact in plan.artifacts.items():
        date = max((newest[a.key] for found in artifact.inputs.values() for a in found), default=0)
        # Snakemake takes the benchmark of a job for one of its outputs
        list(_dates(map(str, Path(artifact.folder, "benchmarks").rglob("*.tsv")), date))
        for files in ([artifact.part_path(part) for part in artifact.parts], artifact.outputs):
            date = max([date, *_dates(files, date)])
        newest[key] = date


def _dates(files: Iterable[str], least: int) -> Iterable[int]:
    """Yield the dates of files in nanoseconds, after older ones were set to `least`."""
    for file in files:
        # missing, or in a folder of somebody else
        with suppress(OSError):
            date = os.stat(file).st_mtime_ns  # noqa: PTH116 many files
            if date < least:
                os.utime(file, ns=(least, least))
            yield max(date, least)
