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
from wsss.io.locks import check_records, release_stale

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


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch, number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(UserError, match=rf"{tmp_path}: cannot be written \({os.strerror(number)}"):
        release_stale(tmp_path)


@pytest.mark.parametrize("writable", [False, True])
def test_a_forbidden_folder_is_named_but_not_another_users_mark(tmp_path, monkeypatch, writable):
    def fail(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", fail)
    monkeypatch.setattr(os, "access", lambda *_: writable)
    with nullcontext() if writable else pytest.raises(UserError, match="Permission denied"):
        assert not release_stale(tmp_path)


def test_a_mark_of_any_bytes_is_that_of_another_machine(tmp_path):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").touch()
    (tmp_path / "wsss.lock").write_bytes(b"\xff\xfe")
    assert not release_stale(tmp_path) and locked(tmp_path)


def record(folder, name):
    path = folder / "metadata" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff")
    return path


def test_a_record_that_cannot_be_decoded_is_named_with_its_output(tmp_path):
    name = urlsafe_b64encode(b"results/a>b/model.pt").decode()
    path = record(tmp_path, f"@{name[:8]}/{name[8:]}")
    with pytest.raises(UserError) as caught:
        check_records(tmp_path)
    assert str(caught.value).startswith(f"{path}: this record is damaged; delete it and results/a>")


def test_other_files_beside_the_records_do_not_matter(tmp_path):
    check_records(tmp_path)
    record(tmp_path, ".DS_Store")
    check_records(tmp_path)
