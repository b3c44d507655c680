"""A training ends when its held-out images are no longer better predicted, and keeps the best."""

import pandas as pd
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.engine.test_ddp import in_two
from tests.engine.test_fit import Line, Numbers
from wsss.config.segmenter import SegmenterTrain
from wsss.config.training import EarlyStopping
from wsss.data.held_out import HeldOut
from wsss.data.validation import Measurement, Validated
from wsss.engine import state as state_module
from wsss.engine.checkpoint import Resume
from wsss.engine.fabric import make_fabric
from wsss.engine.fit import fit
from wsss.engine.loggers import EventLog

TRAIN = SegmenterTrain(epochs=6, min_steps=0, batch_size=2, optimizer="sgd", lr=0.05)
SETTINGS = EarlyStopping(every=3, patience=2)


class Scores:
    """The scripted metric of every evaluation by its step, and the weights at that time."""

    def __init__(self, task, *values):
        self.task, self.values, self.weights = task, iter(values), []

    def __call__(self, batches):
        assert not self.task.training
        assert torch.cat([batch["x"] for batch in batches]).shape == (3, 2)
        self.weights.append(self.task.net.weight.detach().clone())
        return Measurement({"mAP": next(self.values)})


def train(folder, *values, task=None, data=None, fabric=None):
    """Train for at most 24 steps, with evaluations after steps 3, 6, ...; return the scores."""
    task = task or Line()
    scores = Scores(task, *values)
    fit(
        fabric or make_fabric("32-true", 1, [EventLog(folder / "tensorboard")]),
        task,
        data or Numbers(),
        TRAIN,
        0,
        Resume(folder / "work", "same"),
        folder / "h.csv",
        held_out=HeldOut(Validated("held_out", Numbers(3), scores), "mAP", SETTINGS),
    )
    return scores


def history(folder):
    return pd.read_csv(folder / "h.csv", comment="#").set_index("step")


def test_it_ends_without_a_new_best_and_keeps_the_best_weights(tmp_path):
    scores = train(tmp_path, 0.5, 0.7, 0.6, 0.7)
    assert torch.equal(scores.task.net.weight, scores.weights[1])
    metric = history(tmp_path)["held_out/mAP"].dropna()
    assert metric.to_dict() == {3: 0.5, 6: 0.7, 9: 0.6, 12: 0.7}
    assert history(tmp_path).index[-1] == 12
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("held_out/mAP")
    assert [event.step for event in events] == [2, 5, 8, 11]


def test_the_log_says_where_and_why(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(
        "wsss.engine.early_stopping.log.info", lambda *a: lines.append(a[0] % a[1:])
    )
    train(tmp_path, 0.5, 0.7, 0.6, 0.65)
    assert lines == [
        "held-out mAP 50.0 % after step 3: the best so far",
        "held-out mAP 70.0 % after step 6: the best so far",
        "held-out mAP 60.0 % after step 9: not the best, 1 of 2",
        "held-out mAP 65.0 % after step 12: not the best, 2 of 2",
        "the training ends after step 12 of 24: no new best in 2 evaluations",
        "the weights after step 6 are kept",
    ]


@pytest.mark.parametrize("last", [0.1, 0.9])
def test_the_last_step_is_evaluated_and_need_not_be_the_best(tmp_path, last):
    scores = train(tmp_path, 0.5, 0.4, 0.6, 0.5, 0.7, 0.6, 0.8, last)
    assert history(tmp_path).index[-1] == 24
    assert torch.equal(scores.task.net.weight, scores.weights[7 if last == 0.9 else 6])


def test_the_schedule_is_that_of_the_full_length(tmp_path):
    train(tmp_path, 0.5, 0.4, 0.3)
    assert history(tmp_path)["lr"].iloc[-1] == pytest.approx(0.05 * (1 - 8 / 24) ** 0.9)


def test_evaluations_do_not_change_the_training(tmp_path):
    scores = train(tmp_path, *range(8))
    plain = Line()
    resume = Resume(tmp_path / "plain", "same")
    fit(make_fabric("32-true", 1), plain, Numbers(), TRAIN, 0, resume, tmp_path / "plain.csv")
    assert torch.equal(scores.task.net.weight, plain.net.weight)


@pytest.mark.parametrize(("epoch", "left"), [(1, (0.7, 0.6, 0.5)), (2, (0.6, 0.5))])
def test_an_interrupted_training_ends_as_an_undisturbed_one(tmp_path, monkeypatch, epoch, left):
    undisturbed = train(tmp_path / "a", 0.5, *(0.7, 0.6, 0.5)).task.net.weight
    monkeypatch.setattr(state_module, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(state_module, "CHECKPOINT_SHARE", 1e9)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "b", 0.5, 0.7, data=Numbers(stop_at=epoch))
    assert Resume(tmp_path / "b/work", "same").load()["step"] == 4 * epoch
    assert torch.equal(train(tmp_path / "b", *left).task.net.weight, undisturbed)
    assert (tmp_path / "b/h.csv").read_bytes() == (tmp_path / "a/h.csv").read_bytes()


def test_a_training_that_ended_early_is_not_continued(tmp_path):
    weights = train(tmp_path, 0.5, 0.7, 0.6, 0.5).task.net.weight
    written = (tmp_path / "h.csv").read_bytes()
    (tmp_path / "h.csv").unlink()
    assert torch.equal(train(tmp_path, data=Numbers(stop_at=0)).task.net.weight, weights)
    assert (tmp_path / "h.csv").read_bytes() == written


def disagreeing(fabric, folder):
    """Train with metrics that would end the training of the second process earlier."""
    torch.set_num_threads(1)
    values = (0.5, 0.6, 0.5, 0.4) if fabric.is_global_zero else (0.5, 0.4, 0.3, 0.2)
    scores = train(folder, *values, fabric=fabric)
    both = fabric.all_gather(scores.task.net.weight.detach())
    assert torch.equal(both[0], both[1])
    assert torch.equal(scores.task.net.weight, scores.weights[1])


@pytest.mark.slow
def test_all_processes_end_alike(tmp_path):
    in_two(disagreeing, tmp_path)
    assert history(tmp_path).index[-1] == 12
