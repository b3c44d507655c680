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
    for name in ("Snakefile", "config.yaml", "rules", "profiles", "configs", "envs/wsss.yaml"):
        paths = [ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*.*")
        for path in paths:
            there = workflow / path.relative_to(ROOT)
            assert there.read_bytes() == path.read_bytes(), there


def test_it_runs_in_an_empty_folder(installed, tmp_path):
    data = "{source: demo, demo: {images: 10, val_images: 4, size: 64}}"
    (tmp_path / "mine.yaml").write_text(f"dataset: {data}\nuntil: cam\n")
    paths = os.pathsep.join([str(installed), sysconfig.get_path("purelib")])
    options = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": paths}}
    wsss = (sys.executable, "-P", "-m", "wsss", "run", "mine.yaml")
    assert "train_cam" in call(*wsss, "--dry-run", **options)
    output = call(*wsss, "--snakemake", "--until", "prepare_data", **options)
    assert "prepare_data" in output
    assert list((tmp_path / "results/store/prepare_data").rglob("index.train.tsv"))
