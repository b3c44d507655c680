import os
import signal

import pytest

from wsss import __version__
from wsss.cli import COMMANDS, main
from wsss.config.resolve import load
from wsss.config.slices import slice_json
from wsss.io.atomic import atomic_path


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert __version__ in capsys.readouterr().out


def test_an_unknown_stage_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fly"])
    assert stop.value.code == 2
    assert "infer-cam" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
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
    assert capfd.readouterr().err == "terminated; the same command continues\n"
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) == before
