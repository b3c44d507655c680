"""A training is the same with and without validations, and warns of signs of failure."""

import logging

import numpy as np
import pandas as pd
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from tests.engine.test_fit import TRAIN, Line, Numbers
from wsss.data.validation import NONE, Measurement, Validated, Validations
from wsss.engine import evaluation as evaluation_module
from wsss.engine import state as state_module
from wsss.engine.checkpoint import Resume
from wsss.engine.fabric import make_fabric
from wsss.engine.fit import fit
from wsss.engine.loggers import EventLog
from wsss.engine.validation import is_due, loss_sign

LONG = TRAIN.model_copy(update={"steps": 24})


class Normed(Line):
    """Learns through dropout and a BatchNorm, one of which stays in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2), nn.Linear(2, 1))

    def train(self, mode=True):
        super().train(mode)
        self.net[1].eval()
        return self

    def forward(self, batch, progress):
        assert [each.training for each in self.net] == [True, False, True]
        return super().forward(batch, progress)


class Measure:
    """Draws random numbers, predicts, and returns metrics with the number of the call."""

    def __init__(self, task, signs=None):
        self.task, self.calls, self.signs = task, 0, signs or {}

    def __call__(self, batches):
        assert not any(module.training for module in self.task.modules())
        torch.rand(3)
        for batch in batches:
            self.task.net(batch["x"])
        self.calls += 1
        return Measurement({"mAP": self.calls / 10, "F1": 0.5}, self.signs)


def train(folder, validate=True, data=None, settings=LONG, signs=None, drawn=None):
    task = Normed()
    measure = Measure(task, signs)
    images = Validated("val", Numbers(3), measure, drawn)
    fit(
        make_fabric("32-true", 1, [EventLog(folder / "tensorboard")]),
        task,
        data or Numbers(),
        settings,
        0,
        Resume(folder / "work", "same"),
        folder / "h.csv",
        validations=Validations(3, (images,)) if validate else NONE,
    )
    return task.state_dict(), measure


def equal(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_validations_do_not_change_the_training(tmp_path):
    state, measure = train(tmp_path / "a")
    assert measure.calls == 3
    assert equal(state, train(tmp_path / "b", validate=False)[0])


def test_metrics_are_in_the_history_and_the_events(tmp_path):
    train(tmp_path, drawn=lambda sample: np.full((4, 6, 3), 7, np.uint8))
    history = pd.read_csv(tmp_path / "h.csv", comment="#").set_index("step")
    assert history["val/mAP"].dropna().to_dict() == {8: 0.1, 16: 0.2, 24: 0.3}
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("val/F1")] == [7, 15, 23]
    # three samples below each other
    assert [(i.step, i.height, i.width) for i in events.Images("val")] == [
        (step, 12, 6) for step in (7, 15, 23)
    ]


def test_a_resumed_training_has_the_same_history(tmp_path, monkeypatch):
    undisturbed, _ = train(tmp_path / "a")
    monkeypatch.setattr(state_module, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(state_module, "CHECKPOINT_SHARE", 1e9)
    monkeypatch.setattr(Measure, "__call__", lambda self, batches: Measurement({"mAP": 0.5}))
    whole, _ = train(tmp_path / "b")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "c", data=Numbers(stop_at=3))
    assert equal(train(tmp_path / "c")[0], undisturbed)
    assert (tmp_path / "c/h.csv").read_bytes() == (tmp_path / "b/h.csv").read_bytes()
    assert equal(whole, undisturbed)


@pytest.mark.parametrize("kept", [128, 2])
def test_samples_are_read_once_unless_they_are_many(tmp_path, monkeypatch, kept):
    monkeypatch.setattr(evaluation_module, "KEPT", kept)
    read = []

    class Watched(Numbers):
        def __getitem__(self, place):
            read.append(place)
            return super().__getitem__(place)

    task = Line()
    measured = Validated("val", Watched(3), Measure(task))
    resume = Resume(tmp_path / "work", "same")
    fit(
        make_fabric("32-true", 1),
        task,
        Numbers(),
        LONG,
        0,
        resume,
        tmp_path / "h.csv",
        validations=Validations(3, (measured,)),
    )
    assert len(read) == (3 if kept == 128 else 9)


@pytest.fixture
def warnings(monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("wsss"), "propagate", True)
    caplog.set_level(logging.WARNING, "wsss")
    return caplog


def test_a_sign_of_failure_is_said_once_and_not_too_early(tmp_path, warnings):
    train(tmp_path, signs={"alike": "nothing is learnt"})
    # the validation after step 8 of 24 is too early
    assert warnings.messages == ["early sign after step 16: nothing is learnt"]


class Still(Line):
    """Its loss never changes."""

    def forward(self, batch, progress):
        return {"net": {"square": (self.net(batch["x"]) ** 2).mean() * 0 + 1}}


def train_for(folder, task, steps):
    settings = LONG.model_copy(update={"steps": steps, "lr": 1e-3})
    resume = Resume(folder / "work", "same")
    fit(make_fabric("32-true", 1), task, Numbers(), settings, 0, resume, folder / "h.csv")


@pytest.mark.parametrize(("task", "steps"), [(Line, 200), (Still, 199)], ids=["falls", "short"])
def test_a_loss_that_falls_is_no_sign_nor_is_that_of_a_few_steps(tmp_path, warnings, task, steps):
    train_for(tmp_path, task(), steps)
    assert not warnings.messages


def test_a_loss_that_does_not_fall_is_said(tmp_path, warnings):
    train_for(tmp_path, Still(), 200)
    (line,) = warnings.messages
    assert line.startswith("early sign after step 40: the loss net/square does not fall")


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [(10, 5, [2, 4, 6, 8, 10]), (7, 2, [4, 7]), (7, 0, []), (2, 5, [1, 2])],
)
def test_validations_are_at_equal_distances_and_at_the_end(total, count, expected):
    assert [step for step in range(1, total + 1) if is_due(step, total, count)] == expected


def rows(name, *values):
    """A row after every tenth step."""
    return [{"step": 10 * (i + 1), "epoch": 1, name: v, "lr": 1} for i, v in enumerate(values)]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (rows("net/ce", 4, 2, 3, 2, 9), ""),
        (rows("net/ce", 4, 2, 4, 2, 0), "the loss net/ce does not fall: 3 in the first tenth"),
        # the classification loss decides where there is one
        ([row | {"net/ecr": row["step"]} for row in rows("net/cls", 4, 2, 3, 2)], ""),
        ([row | {"net/x": 0} for row in rows("net/a/cls", 1, 1, 2, 1)], "the loss net/a/cls does"),
        # a metric and another player do not count
        ([row | {"val/F1": 0, "adv/x": row["step"]} for row in rows("net/a", 2, 1, 1, 1)], ""),
        ([], ""),
    ],
)
def test_the_loss_of_the_second_tenth_is_below_that_of_the_first(history, expected):
    found = loss_sign(history, 20)
    assert found.startswith(expected) and bool(found) == bool(expected)
