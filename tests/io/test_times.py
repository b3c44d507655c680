import json
import time
from multiprocessing import get_context

from wsss.io.progress import track
from wsss.io.times import TIMES


def test_times_of_items_are_written_on_demand(tmp_path, monkeypatch):
    file = tmp_path / "times"
    assert list(track("ab", "letters")) == ["a", "b"] and not file.exists()
    monkeypatch.setenv(TIMES, str(file))
    for _ in range(2):
        assert list(track("abc", "letters")) == ["a", "b", "c"]
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert len(line["wall"]) == len(line["cpu"]) == 4 and line["wall"] == sorted(line["wall"])
        before, after = line["memory"]
        assert 1e6 < before <= after


def test_loader_processes_count(tmp_path, monkeypatch):
    monkeypatch.setenv(TIMES, str(tmp_path / "times"))
    loader = get_context("fork").Process(target=time.sleep, args=(60,))
    loader.start()
    try:
        list(track("a", "letters"))
    finally:
        loader.kill()
        loader.join()
    assert json.loads((tmp_path / "times").read_text())["loaders"] > 1e6
