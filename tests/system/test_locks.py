import multiprocessing
import time

from wsss.system.locks import exclusive, mark_planning


def _hold(path, held, release):
    with exclusive(path):
        held.set()
        release.wait(30)
        path.write_text("made")


def test_an_old_artifact_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_PLANNED", "")
    monkeypatch.delenv("WSSS_PLANNED")
    (tmp_path / "model.pt").touch()
    with exclusive(tmp_path / "model.pt") as finished:
        assert not finished
    mark_planning()
    with exclusive(tmp_path / "model.pt") as finished:
        assert not finished


def test_what_another_run_made_meanwhile_is_finished(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_PLANNED", repr(time.time()))
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    path = tmp_path / "model.pt"
    other = context.Process(target=_hold, args=(path, held, release))
    other.start()
    assert held.wait(30)
    release.set()
    with exclusive(path) as finished:
        assert finished and path.read_text() == "made"
    other.join()
