import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def start(*options):
    """Run the benchmark of a GPU where no GPU is to be seen."""
    hidden = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.gpu", *map(str, options)]
    return subprocess.run(
        command, env=os.environ | hidden, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_without_a_gpu_it_says_so():
    job = start()
    assert job.returncode == 2
    assert job.stderr == "no CUDA device: this benchmark needs a GPU\n"


@pytest.mark.slow
def test_every_section_runs(tmp_path):
    out = tmp_path / "table.md"
    job = start("--device", "cpu", "--small", "--out", out)
    assert job.returncode == 0, job.stderr
    text = out.read_text(encoding="utf-8")
    for work in ("classifier's step", "class activation maps", "CRF", "affinity loss", "walk"):
        assert f"| {work}" in text or work in text
    assert "of the classifier's training: " in text
    assert text.count("| kernel | share | ms | calls |") == 2
