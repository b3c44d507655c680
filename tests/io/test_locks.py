import platform
import subprocess
import sys

import pytest

from wsss.io.locks import release_stale

RUN = """
import sys
from pathlib import Path
from wsss.io.locks import release_stale
folder = Path(sys.argv[1])
healed = release_stale(folder)
if sys.argv[2] == "lock":
    (folder / "locks").mkdir(exist_ok=True)
    (folder / "locks/0.output.lock").write_text("model.pt")
print(healed, flush=True)
sys.stdin.read()
"""


class Run:
    """A process that takes the part of `snakemake` in a folder until it is killed."""

    def __init__(self, folder, does="lock"):
        command = [sys.executable, "-c", RUN, folder, does]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, **pipes)
        self.healed = self.process.stdout.readline() == "True\n"

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def run(tmp_path):
    runs = []

    def start(*arguments):
        runs.append(Run(tmp_path, *arguments))
        return runs[-1]

    yield start
    for one in runs:
        one.kill()


def locked(folder):
    return (folder / "locks/0.output.lock").exists()


def test_the_lock_of_a_killed_run_goes(run, tmp_path):
    run().kill()
    assert locked(tmp_path)
    assert run("look").healed
    assert not locked(tmp_path)


def test_the_lock_of_a_living_run_stays(run, tmp_path):
    alive = run()
    assert not run("look").healed and locked(tmp_path)
    alive.kill()


def test_a_dry_run_in_between_does_not_hide_a_living_run(run, tmp_path):
    dry, alive = run("look"), run()
    dry.kill()
    assert not run("look").healed and locked(tmp_path)
    alive.kill()


def test_the_lock_of_another_machine_stays(run, tmp_path, monkeypatch):
    run().kill()
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    assert not release_stale(tmp_path)
    assert locked(tmp_path)


def test_a_lock_of_unknown_origin_stays(run, tmp_path):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").touch()
    assert not run("look").healed and locked(tmp_path)
