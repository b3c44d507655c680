"""Commands that start, explain and show a run, and write its configuration."""

import argparse
import io
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import yaml
from PIL import Image
from rich.console import Console
from rich.live import Live

from wsss.errors import Terminated, UserError
from wsss.stages import init, run, sweep
from wsss.system import sigterm
from wsss.workflow import configuration, snakemake, words
from wsss.workflow.plans import planned


def call(module, caplog, *arguments):
    """Call a command; return the lines that it logs."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    with caplog.at_level(logging.INFO, "wsss"):
        module.run(parser.parse_args(arguments))
    return [record.getMessage() for record in caplog.records]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(path)


def test_a_recipe_is_found_by_its_name_and_a_file_by_its_path(folder):
    assert configuration("photos").name == "photos.yaml"
    assert configuration("configs/voc12/seam.yaml") == configuration("voc12/seam")
    (folder / "photos").write_text("method: seam\n")
    assert configuration("photos") == Path("photos")


@pytest.mark.parametrize(("name", "hint"), [("voc12/saem", "voc12/seam"), ("../../x", "photos")])
def test_neither_file_nor_recipe(name, hint):
    with pytest.raises(UserError, match=hint):
        configuration(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("pet.yaml", "pets.yaml"), ("pets.yml", "pets.yaml"), ("a/pts.yml", "a/pets.")],
)
def test_a_file_of_the_folder_is_asked_about(folder, name, hint):
    (folder / "a").mkdir()
    for file in ("pets.yaml", "a/pets.yml"):
        (folder / file).write_text("method: seam\n")
    with pytest.raises(UserError, match=f"no such file.*did you mean {hint}"):
        configuration(name)


def test_recipes_are_shown_by_their_name():
    found = [configuration("photos"), configuration("voc12/seam"), Path("my pets.yaml")]
    assert words(found) == "photos voc12/seam 'my pets.yaml'"


def test_the_command_of_snakemake():
    command = snakemake([Path("a.yaml"), Path("b.yaml")], None, ["--profile", "slurm"])
    assert command[-7:] == [
        *("--cores", "all", "--configfile", "a.yaml", "b.yaml", "--profile", "slurm")
    ]
    assert Path(command[command.index("--snakefile") + 1]).is_file()


def test_without_a_configuration_one_is_asked_for(caplog):
    with pytest.raises(UserError, match="name a configuration file"):
        call(run, caplog)


def test_a_missing_folder_of_images_is_relative_to_that_of_the_command(folder, caplog):
    (folder / "mine.yaml").write_text("dataset: {name: a, source: csv, root: pets}\n")
    with pytest.raises(UserError, match=f"root: pets is not a folder; it is relative to {folder}"):
        call(run, caplog, "mine.yaml", "--dry-run")


def test_a_dry_run_makes_nothing(folder, caplog):
    (folder / "mine.yaml").write_text("dataset: {source: demo}\nuntil: cam\n")
    first, last = call(run, caplog, "--dry-run", "mine.yaml")
    assert first.startswith("not made yet: make_demo, prepare_data (2 x), train_cam,")
    assert last.endswith("artifacts would be made") and not (folder / "results").exists()


def test_what_a_plan_says_is_shown(folder, caplog):
    plan = {"budget": "good", "data": "of another day", "values": {"seed": 5}}
    raw = {"dataset": {"source": "demo"}, "until": "cam", "plan": plan}
    (folder / "plan.yaml").write_text(yaml.safe_dump(raw))
    overridden, changed, *_ = call(run, caplog, "--dry-run", "plan.yaml")
    assert overridden.endswith("overridden: seed 5 -> 0")
    assert changed.startswith("Images or labels changed since the plan was made")


OUTPUT = """\
Building DAG of jobs...
error: prepare_data of psa, val: 2 problems in pets:
labels.csv:2: no label
labels.csv:3: no such file
RuleException:
CalledProcessError in file "rules/data.smk", line 122:
[Sat Nov 28 02:30:59 2026]
Error in rule prepare_data:
"""


SNAKEMAKE = """
import signal, subprocess, sys

signal.signal(signal.SIGTERM, lambda *_: None)
job = "import os, time; open('job', 'w').write(str(os.getpid())); time.sleep(60)"
sys.exit(subprocess.call([sys.executable, "-c", job]))
"""
"""A workflow that waits for its job on SIGTERM, as Snakemake does."""


def test_sigterm_ends_the_workflow_too(folder):
    (folder / "mine.yaml").write_text("dataset: {source: demo}\n")

    def terminate():
        while not (folder / "job").exists() or not (folder / "job").read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=terminate, daemon=True).start()
    plan, start = planned([folder / "mine.yaml"]), time.monotonic()
    with sigterm.as_exception(), pytest.raises(Terminated):
        run.make(plan, [sys.executable, "-c", SNAKEMAKE], quiet=True)
    assert time.monotonic() - start < 30
    assert not psutil.pid_exists(int((folder / "job").read_text()))


def test_all_lines_of_an_error_are_shown():
    wanted = "prepare_data of psa, val: 2 problems in pets:\nlabels.csv:2: no label\n"
    assert run._failure(io.StringIO(OUTPUT)) == f"{wanted}labels.csv:3: no such file"
    # that of another job
    found = run._failure(io.StringIO(f"{OUTPUT}error: train_cam of psa: no\n\nend"))
    assert found.endswith("labels.csv:3: no such file\ntrain_cam of psa: no")


def test_an_unexpected_error_of_a_job_is_shown():
    trace = "unexpected error, please report it:\nTraceback (most recent call last):\nKeyError: 'a'"
    assert run._failure(io.StringIO(f"Job 7\n{trace}\n\nRuleException:\nend")) == trace


def test_a_file_is_told_what_is_running(monkeypatch, capsys):
    watch = SimpleNamespace(running=lambda: ["train_cam 1 of 4"], news=lambda: [])
    with Live(console=Console(), auto_refresh=False) as live:
        now = time.monotonic()
        assert run._show(watch, live, now) == now and not capsys.readouterr().out
        monkeypatch.setattr(run, "_SILENCE", 0)
        assert run._show(watch, live, now - 1) > now - 1
        assert capsys.readouterr().out == "train_cam 1 of 4\n"


def test_without_an_error_the_end_of_the_output_is_shown():
    assert run._failure(io.StringIO("a\nb\n")) == "Snakemake has stopped:\na\nb"


LAYOUTS = {
    "csv": ["images/a.jpg", "images/b.jpg"],
    "folders": ["train/cat/a.jpg", "train/dog/b.jpg", "val/cat/c.jpg"],
}


@pytest.mark.parametrize("source", LAYOUTS)
def test_a_configuration_is_written_for_a_folder(folder, caplog, source):
    for name in LAYOUTS[source]:
        picture(folder / "my pets" / name)
    if source == "csv":
        table = "image,split,labels\nimages/a.jpg,train,cat;dog\nimages/b.jpg,val,dog\n"
        (folder / "my pets/labels.csv").write_text(table)
    lines = call(init, caplog, "my pets")
    written = yaml.safe_load((folder / "my-pets.yaml").read_text())["dataset"]
    assert written["source"] == source and written["classes"] == ["cat", "dog"]
    assert lines[-1] == "next: wsss check my-pets.yaml, then wsss run photos my-pets.yaml"
    with pytest.raises(UserError, match="exists; name another file"):
        call(init, caplog, "my pets")


def test_a_sweep_is_every_combination(folder, caplog):
    (folder / "mine.yaml").write_text("dataset: {source: demo}\nuntil: walk\n")
    words = ("mine.yaml", "walk.beta=4,8", "crf.alphas=[1,4],[4,24]")
    lines = call(sweep, caplog, *words, "--dry-run")
    runs = yaml.safe_load((folder / "sweep.yaml").read_text())["runs"]
    assert list(runs) == [
        f"beta{beta}-alphas_{low}_{high}" for beta in (4, 8) for low, high in ((1, 4), (4, 24))
    ]
    assert runs["beta8-alphas_1_4"] == {"walk": {"beta": 8}, "crf": {"alphas": [1, 4]}}
    assert "train_cam, " in lines[1] and "refine_maps (4 x)" in lines[1]
    # again, and on runs that there are
    call(sweep, caplog, *words, "--dry-run")
    (folder / "own.yaml").write_text("runs: {a: {seed: 1}, b: null}\n")
    call(sweep, caplog, "mine.yaml", "own.yaml", "walk.beta=4", "--out", "two.yaml", "--dry-run")
    runs = yaml.safe_load((folder / "two.yaml").read_text())["runs"]
    assert runs == {"a": None, "a-beta4": {"seed": 1, "walk": {"beta": 4}}, "b": None}


def test_a_sweep_of_words_has_readable_names(folder, caplog):
    (folder / "mine.yaml").write_text("dataset: {source: demo}\nuntil: cam\n")
    call(sweep, caplog, "mine.yaml", "method=psa,psa+eader", "--dry-run")
    runs = yaml.safe_load((folder / "sweep.yaml").read_text())["runs"]
    assert list(runs) == ["method_psa", "method_psa_eader"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("walk.beta=", "expected key=value,value"),
        ("walk beta=4", "expected key=value,value"),
        ("walk.beta=[4", "expected key=value,value"),
        ("walk.beat=4", "did you mean"),
        ("crf.alphas=[0.5],[0,5]", "two runs would be named alphas_0_5"),
    ],
)
def test_a_mistake_in_a_sweep(folder, caplog, word, message):
    (folder / "mine.yaml").write_text("dataset: {source: demo}\n")
    with pytest.raises(UserError, match=message):
        call(sweep, caplog, "mine.yaml", word, "--dry-run")
    assert not (folder / "sweep.yaml").exists()


def test_a_sweep_overwrites_no_other_file(folder, caplog):
    (folder / "sweep.yaml").write_text("method: seam\n")
    with pytest.raises(UserError, match="exists and is no sweep"):
        call(sweep, caplog, "walk.beta=4", "--dry-run")


def test_a_sweep_does_not_overwrite_what_it_sweeps(folder, caplog):
    (folder / "sweep.yaml").write_text("# Written by wsss sweep\nruns: {a: {}}\n")
    with pytest.raises(UserError, match="is swept itself"):
        call(sweep, caplog, "sweep.yaml", "walk.beta=4", "--dry-run")
