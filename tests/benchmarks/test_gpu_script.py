import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.gpu.__main__ import main

ROOT = Path(__file__).parents[2]


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([]) == 2
    assert capsys.readouterr().err == "no CUDA device: this benchmark needs a GPU\n"


def test_a_part_that_fails_costs_only_itself(tmp_path, monkeypatch):
    def fails(lab):
        yield "\nbefore"
        raise ValueError("wrong")

    sections = {"one": fails, "two": lambda lab: iter(["\nafter"])}
    monkeypatch.setattr("benchmarks.gpu.__main__.SECTIONS", sections)
    out = tmp_path / "table.md"
    assert main(["--device", "cpu", "--small", "--out", str(out)]) == 1
    notes = out.read_text(encoding="utf-8").split("\n")
    assert [note for note in notes if note][-3:] == ["before", "one: failed, ValueError.", "after"]


@pytest.mark.slow
@pytest.mark.long
def test_every_part_runs(tmp_path):
    out = tmp_path / "table.md"
    command = ("benchmarks.gpu", "--device", "cpu", "--small", "--out", str(out))
    hidden = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    job = subprocess.run(
        [sys.executable, "-m", *command],
        env=os.environ | hidden,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert job.returncode == 0, job.stderr
    text = out.read_text(encoding="utf-8")
    for work in ("classifier's step", "AffinityNet's step", "class activation maps", "CRF"):
        assert f"| {work}" in text
    assert "\nCheckpoint of the classifier's training: " in text
    assert text.count("| kernel | share | ms | calls |") == 2
