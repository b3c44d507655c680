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
SNAKEMAKE = (sys.executable, "-m", "snakemake", "--cores", "2")
PLAN = (*SNAKEMAKE, "--dry-run")
IMAGES, PARTS, LINKS = 100_000, 256, 50_000
"""Images and jobs of a large plan; files that a file system lets be one."""

MANY = f"""\
jobs: {PARTS}
dataset: {{source: csv, root: many, name: many}}
"""

FEW = """\
jobs: 2
dataset: {demo: {images: 24, val_images: 8, size: 64}}
cam: {train: {steps: 2}}
affinity: {train: {steps: 2}}
segment: {train: {steps: 2}}
"""
"""The demo's jobs with less to do in each."""


def rows() -> Iterator[Row]:
    """Yield the rows of the command line, of the imports of a demo and of plans."""
    seconds = median(_used(*WSSS, "--help")[0] for _ in range(5))
    yield Row("wsss --help", nan, seconds, 0.3)
    with tempfile.TemporaryDirectory() as name:
        project = _project(Path(name))
        yield _imports(_used(*PLAN, folder=project)[1])
        few = ("--configfile", "few.yaml")
        _used(*SNAKEMAKE, *few, folder=project)
        seconds = median(_used(*PLAN, *few, folder=project)[0] for _ in range(3))
        yield Row("snakemake -n on a finished demo", nan, seconds, 2.5)
        _fill(project / "many")
        seconds, _ = _used(*PLAN, "--configfile", "many.yaml", folder=project)
        yield Row(f"first plan of {IMAGES:,} images", nan, seconds, 12)


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
    packages = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    # the jobs find wsss beside this Python
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    run = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": packages, "PATH": path},
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
    """Copy the workflow and two configurations into a folder without results."""
    for name in PROJECT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    (folder / "few.yaml").write_text(FEW, encoding="utf-8")
    (folder / "many.yaml").write_text(MANY, encoding="utf-8")
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
