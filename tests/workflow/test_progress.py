from types import SimpleNamespace

import pytest

from wsss.io.progress import log, start_logging
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
    assert [line.split() for line in watch.news()] == [
        ["prepare_masks", "2", "x", "13", "s", "2", "of", "2"]
    ]


def test_warnings_of_jobs_are_shown_at_once_and_once(clock, tmp_path, monkeypatch):
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "propagate", False)
    job = SimpleNamespace(stage="train_cam", folder=tmp_path, exists=False)
    watch = progress.Watch([job])
    start_logging(tmp_path / "logs/all.log")
    log.info("method psa, 24 images")
    log.info("weights of tiny from drawn 1.0: licence MIT")
    for _ in range(2):
        log.warning("early sign after step 40: %s", "background everywhere")
    assert list(watch.news()) == [
        "train_cam: weights of tiny from drawn 1.0: licence MIT",
        "train_cam: early sign after step 40: background everywhere",
    ]
    assert not list(watch.news())
    log.warning("one of the last step")
    job.exists = True
    warning, ended = watch.news()
    assert warning == "train_cam: one of the last step"
    assert ended.startswith("train_cam ")
