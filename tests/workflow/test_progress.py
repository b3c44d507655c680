from types import SimpleNamespace

import pytest

from wsss.workflow import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


def test_a_stage_takes_the_time_in_which_it_has_jobs(clock, tmp_path):
    first, second = (
        SimpleNamespace(stage="prepare_masks", folder=tmp_path / name, exists=False)
        for name in ("train", "val")
    )
    watch = progress.Watch([first, second])
    for one, begin, end in ((first, 0, 10), (second, 400, 403)):
        clock.now = begin
        assert not list(watch.running())
        (one.folder / "logs").mkdir(parents=True)
        (one.folder / "logs/job.log").touch()
        clock.now = end
        assert len(list(watch.running())) == 1
        one.exists = True
    assert [line.split() for line in watch.finished()] == [
        ["prepare", "masks", "2", "x", "13", "s", "2", "of", "2"]
    ]
