import logging
import os
import re
import signal
import subprocess
import sys
from types import ModuleType

import pytest

import wsss
from wsss import __version__
from wsss.__main__ import main as entry
from wsss.cli import commands, main
from wsss.config.resolve import load
from wsss.config.schema import schema_text
from wsss.config.slices import slice_json
from wsss.errors import UserError
from wsss.io.atomic import atomic_path


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert __version__ in capsys.readouterr().out


def test_an_unknown_stage_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fly"])
    assert stop.value.code == 2
    assert "wsss --help lists all commands" in capsys.readouterr().err


@pytest.mark.parametrize("name", commands())
def test_every_stage_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([name.replace("_", "-"), "--help"])
    assert stop.value.code == 0
    assert "usage: wsss" in capsys.readouterr().out


def test_a_mistake_of_the_user_is_one_line_and_code_2(tmp_path, capfd):
    dataset = {"source": "csv", "root": str(tmp_path / "nowhere")}
    config = slice_json("prepare_data", load({"dataset": dataset}))
    log = tmp_path / "stage.log"
    arguments = ["--out", str(tmp_path / "index.tsv"), "--config", config, "--log", str(log)]
    assert main(["prepare-data", *arguments]) == 2
    message = capfd.readouterr().err
    assert message.startswith("error: dataset.root: ") and message.count("\n") == 1
    assert "error: dataset.root" in log.read_text()
    assert not (tmp_path / "index.tsv").exists()


def test_sigterm_ends_a_stage_cleanly(tmp_path, monkeypatch, capfd):
    def stage(_):
        with atomic_path(tmp_path / "half.npz") as temporary:
            temporary.touch()
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("wsss.stages.schema.run", stage)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["schema"]) == 143
    assert capfd.readouterr().err == "terminated; re-run the same command to resume\n"
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_interrupted_import_is_one_line():
    code = """
import os, signal, sys
from wsss.cli import main

class Interrupt:
    def find_spec(self, name, *_):
        if name == "torch":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
sys.meta_path.insert(0, Interrupt())
sys.exit(main(["predict", "model.pt", "photos", "out"]))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "interrupted; re-run the same command to resume\n"


def test_an_error_of_an_imported_module_is_one_line(monkeypatch, capfd):
    class Mistaken(ModuleType):
        def __getattr__(self, name):
            raise UserError("methods/mine.py: no class")

    monkeypatch.delitem(sys.modules, "wsss.stages.schema", raising=False)
    monkeypatch.setitem(sys.modules, "wsss.config.schema", Mistaken("wsss.config.schema"))
    monkeypatch.setattr(logging.getLogger("wsss"), "handlers", [])
    assert main(["schema"]) == 2
    assert capfd.readouterr().err == "error: methods/mine.py: no class\n"


def test_the_command_line_itself_imports_little():
    code = "import sys, wsss.cli; sys.exit(bool({'pydantic', 'rich', 'yaml'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_schema_is_printed_or_written(tmp_path, capsys):
    assert main(["schema"]) == 0
    text = capsys.readouterr().out
    assert main(["schema", "--out", str(tmp_path / "schema.json")]) == 0
    assert text == (tmp_path / "schema.json").read_text() == schema_text()


def test_an_error_names_the_stage_and_the_runs(tmp_path, capfd):
    parts = ["--parts", str(tmp_path / "gone.tsv"), "--out", str(tmp_path / "labels.tsv")]
    assert main(["gather-parts", *parts, "--users", "b4, b8, train"]) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"error: gather_parts of b4, b8, train: {tmp_path / 'gone.tsv'}: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("planned", "modified", "made"), [(100, 101, 0), (100, 99, 1), (100, None, 1), (None, 101, 1)]
)
def test_what_another_workflow_made_since_the_plan_is_not_made_again(
    tmp_path, monkeypatch, planned, modified, made
):
    calls, out = [], tmp_path / "store/model.pt"
    monkeypatch.setattr("wsss.stages.gather_parts.run", calls.append)
    monkeypatch.delenv("WSSS_PLANNED", raising=False)
    if planned is not None:
        monkeypatch.setenv("WSSS_PLANNED", str(planned))
    if modified is not None:
        out.parent.mkdir()
        out.write_text("made")
        os.utime(out, (modified, modified))
    assert main(["gather-parts", "--parts", "a.tsv", "--out", str(out)]) == 0
    assert len(calls) == made
    assert modified is None or out.read_text() == "made"


def test_an_artifact_of_another_run_is_reported_and_its_log_kept(tmp_path, monkeypatch, capfd):
    out, log = tmp_path / "model.pt", tmp_path / "stage.log"
    out.touch()
    log.write_text("of the other run\n")
    monkeypatch.setenv("WSSS_PLANNED", "0")
    arguments = ["--parts", "a.tsv", "--out", str(out), "--log", str(log)]
    assert main(["gather-parts", *arguments]) == 0
    assert f"another run has made {out} meanwhile" in capfd.readouterr().err
    assert log.read_text() == "of the other run\n"


def test_ctrl_c_during_the_first_imports_is_one_line(monkeypatch, capfd):
    class Interrupted:
        def find_spec(self, name, *_):
            if name == "wsss.cli":
                raise KeyboardInterrupt

    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "wsss.cli")
    monkeypatch.delattr(wsss, "cli")
    assert entry() == 130
    assert capfd.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    ("environment", "policy", "spins"),
    [
        ({}, "passive", "1000"),
        ({"OMP_WAIT_POLICY": "active"}, "active", None),
        ({"GOMP_SPINCOUNT": "7"}, "passive", "7"),
    ],
)
def test_threads_sleep_at_barriers_unless_the_user_wants_them_to_spin(
    monkeypatch, environment, policy, spins
):
    with monkeypatch.context() as patch:
        patch.setattr("os.environ", environment)
        patch.setattr("wsss.cli._run", lambda _: None)
        assert main(["check"]) == 0
    assert environment["OMP_WAIT_POLICY"] == policy
    assert environment.get("GOMP_SPINCOUNT") == spins


@pytest.mark.parametrize(
    ("line", "expected"), [("wsss sta", "status"), ("wsss run --dr", "--dry-run")]
)
def test_the_shell_completes_commands_and_options(tmp_path, line, expected):
    found = tmp_path / "found"
    told = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    told |= {"_ARGCOMPLETE_STDOUT_FILENAME": str(found), "_ARGCOMPLETE_IFS": "|"}
    command = [sys.executable, "-m", "wsss"]
    subprocess.run(command, env=os.environ | told, capture_output=True, check=True)
    assert found.read_text().strip() == expected


def test_a_command_that_is_misspelt_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["preditc"])
    assert "no command 'preditc'; did you mean predict?" in capsys.readouterr().err


def test_the_overview_says_what_every_command_is_for(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for name in commands():
        assert re.search(rf"^  {name.replace('_', '-')} +[A-Z][^\n]{{10,}}$", text, re.MULTILINE), (
            name
        )
