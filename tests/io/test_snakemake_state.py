import errno
import os
import platform
import subprocess
import sys
from base64 import urlsafe_b64encode
from contextlib import nullcontext
from pathlib import Path

import pytest

from wsss.errors import UserError
from wsss.io.snakemake_state import repair

RUN = """
import sys
from pathlib import Path
from wsss.io.snakemake_state import repair
folder = Path(sys.argv[1])
repaired = bool(repair(folder))
if sys.argv[2] == "lock":
    (folder / "locks").mkdir(exist_ok=True)
    (folder / "locks/0.output.lock").write_text("model.pt")
print(repaired, flush=True)
sys.stdin.read()
"""


class Run:
    """A process that takes the part of `snakemake` in a folder until it is killed."""

    def __init__(self, folder, does="lock"):
        command = [sys.executable, "-c", RUN, folder, does]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, **pipes)
        self.repaired = self.process.stdout.readline() == "True\n"

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
    assert run("look").repaired
    assert not locked(tmp_path)


def test_the_lock_of_a_living_run_stays(run, tmp_path):
    alive = run()
    assert not run("look").repaired and locked(tmp_path)
    alive.kill()


def test_a_dry_run_in_between_does_not_hide_a_living_run(run, tmp_path):
    dry, alive = run("look"), run()
    dry.kill()
    assert not run("look").repaired and locked(tmp_path)
    alive.kill()


def test_the_lock_of_another_machine_stays(run, tmp_path, monkeypatch):
    run().kill()
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    assert not repair(tmp_path)
    assert locked(tmp_path)


def test_a_lock_of_unknown_origin_stays(run, tmp_path):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").touch()
    assert not run("look").repaired and locked(tmp_path)


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch, number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(UserError, match=rf"{tmp_path}: cannot be written \({os.strerror(number)}"):
        repair(tmp_path)


@pytest.mark.parametrize("writable", [False, True])
def test_a_forbidden_folder_is_named_but_not_another_users_mark(tmp_path, monkeypatch, writable):
    def fail(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", fail)
    monkeypatch.setattr(os, "access", lambda *_: writable)
    with nullcontext() if writable else pytest.raises(UserError, match="Permission denied"):
        assert not repair(tmp_path)


def test_a_mark_of_any_bytes_is_that_of_another_machine(tmp_path):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").touch()
    (tmp_path / "wsss.lock").write_bytes(b"\xff\xfe")
    assert not repair(tmp_path) and locked(tmp_path)


WHOLE = b'{"rule": "train_cam", "input": [], "params": []}'
OUTPUT = "results/a>b/model.pt"
NAME = urlsafe_b64encode(OUTPUT.encode()).decode()


def record(folder, content, name=NAME):
    path = folder / "metadata" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", [NAME, f"@{NAME[:8]}/{NAME[8:]}"])
@pytest.mark.parametrize("content", [b"", WHOLE[:-9], b"\xff", b"[1]", b'{"rule": 5}', b"[" * 9999])
def test_what_has_a_damaged_record_is_incomplete(tmp_path, content, name):
    path = record(tmp_path, content, name)
    (line,) = repair(tmp_path)
    assert OUTPUT in line and not path.exists()
    assert (tmp_path / "incomplete" / name).is_file()


def test_sound_records_and_other_files_stay(tmp_path):
    kept = record(tmp_path, WHOLE), record(tmp_path, b"\xff", ".DS_Store")
    assert repair(tmp_path) == [] and all(path.exists() for path in kept)


def test_a_record_that_a_living_run_may_be_writing_stays(run, tmp_path):
    alive = run()
    path = record(tmp_path, b"")
    assert repair(tmp_path) == [] and path.exists()
    alive.kill()
