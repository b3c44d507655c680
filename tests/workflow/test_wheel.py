"""The wheel: installed alone, it has the whole workflow."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("documentation")]

ROOT = Path(__file__).parents[2]


def call(*command, **options):
    job = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert job.returncode == 0, job.stdout + job.stderr
    return job.stdout + job.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the files of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    call(sys.executable, "-m", "pip", *build)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_it_has_every_file_of_the_workflow(installed):
    workflow = installed / "wsss/workflow"
    for name in ("Snakefile", "config.yaml", "rules", "profiles", "configs"):
        paths = [ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*.*")
        for path in paths:
            there = workflow / path.relative_to(ROOT)
            assert there.read_bytes() == path.read_bytes(), there


def test_it_plans_a_run_in_an_empty_folder(installed, tmp_path):
    (tmp_path / "mine.yaml").write_text("dataset: {source: demo}\nuntil: cam\n")
    paths = os.pathsep.join([str(installed), sysconfig.get_path("purelib")])
    options = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": paths}}
    python = (sys.executable, "-P", "-m")
    assert "train cam" in call(*python, "wsss", "run", "--dry-run", "mine.yaml", **options)
    snakefile = str(installed / "wsss/workflow/Snakefile")
    command = ("snakemake", "--snakefile", snakefile, "--dry-run", "--configfile", "mine.yaml")
    assert "train_cam" in call(*python, *command, **options)
