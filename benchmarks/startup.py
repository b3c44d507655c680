"""Start of jobs and of the workflow: CPU time of processes of their own."""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from math import nan
from pathlib import Path
from statistics import median

from PIL import Image

from benchmarks.row import Row
from benchmarks.voc import ROOT
from wsss.pipeline import STAGES

PROJECT = ("Snakefile", "config.yaml", "rules", "profiles", "envs", "configs")
WSSS = (sys.executable, "-m", "wsss")
PLAN = (sys.executable, "-m", "snakemake", "--cores", "2", "--dry-run")
IMAGES, PARTS, LINKS = 100_000, 256, 50_000
"""Images and jobs of a large plan; files that a file system lets be one."""

MANY = f"""\
jobs: {PARTS}
dataset: {{source: csv, root: many, name: many}}
"""


def rows() -> Iterator[Row]:
    """Yield the rows of the command line, of the plans and of the imports of a demo."""
    seconds = median(_used(*WSSS, "--help")[0] for _ in range(5))
    yield Row("wsss --help", nan, seconds, 0.3)
    yield _finished()
    with tempfile.TemporaryDirectory() as name:
        project = _project(Path(name))
        # the second plan, since the first one compiles
        plan = [_used(*PLAN, folder=project) for _ in range(2)][1][1]
        yield _imports(plan)
        _fill(project / "many")
        (project / "many.yaml").write_text(MANY, encoding="utf-8")
        seconds, _ = _used(*PLAN, "--configfile", "many.yaml", folder=project)
        yield Row(f"first plan of {IMAGES:,} images", nan, seconds, 12)


def _finished() -> Row:
    """Return the row of the plan of a demo that is finished, in the folder of the project."""
    seconds, output = _used(*PLAN, folder=ROOT)
    finished = "Nothing to be done" in output
    workload = "snakemake -n on a finished demo"
    return Row(workload, nan, seconds if finished else nan, 2.5)


def _imports(plan: str) -> Row:
    """Return the row of the imports of all jobs of a plan: of each stage, as often as it is run."""
    jobs = {stage: re.search(rf"^{stage} +(\d+)$", plan, re.MULTILINE) for stage in STAGES}
    counts = {stage: int(found[1]) for stage, found in jobs.items() if found}
    each = {stage: _used(*WSSS, stage.replace("_", "-"), "--help")[0] for stage in counts}
    total = sum(each[stage] * count for stage, count in counts.items())
    slowest = max(each, key=lambda stage: each[stage])
    detail = f"{each[slowest]:.2g} s for {slowest}, {min(each.values()):.2g} s at least"
    return Row(f"imports of the demo's {sum(counts.values())} jobs", nan, total, 40, detail)


def _used(*command: str, folder: Path | None = None) -> tuple[float, str]:
    """Run a command in a folder; return its CPU seconds and what it wrote."""
    before = _children()
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{run.stdout[-2000:]}")
    return _children() - before, run.stdout


def _children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _project(folder: Path) -> Path:
    """Copy the workflow into a folder without results."""
    for name in PROJECT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    return folder


def _fill(folder: Path) -> None:
    """Make a data set of many images that are few files on disk."""
    (folder / "images").mkdir(parents=True)
    rows = ["image,split,labels"]
    for number in range(IMAGES):
        path = folder / f"images/{number}.png"
        if number % LINKS:
            os.link(folder / f"images/{number - number % LINKS}.png", path)
        else:
            Image.new("RGB", (4, 3)).save(path)
        rows.append(f"images/{number}.png,{'val' if number % 10 == 9 else 'train'},cat")
    (folder / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
