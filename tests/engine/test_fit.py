import os
import signal
import time
from multiprocessing import active_children
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.data import Dataset

from wsss.config.segmenter import SegmenterTrain
from wsss.engine import state as state_module
from wsss.engine.checkpoint import Resume
from wsss.engine.fabric import make_fabric
from wsss.engine.fit import fit
from wsss.engine.loggers import EventLog
from wsss.engine.losses import READ_EVERY, StepLosses
from wsss.errors import Terminated, UserError
from wsss.nn.task import Task


class Numbers(Dataset):
    """Position i gives the number i; an epoch may be made to interrupt."""

    def __init__(self, length=8, stop_at=None):
        self.length, self.stop_at = length, stop_at

    def __len__(self):
        return self.length

    def __getitem__(self, place):
        epoch, position = place
        if epoch == self.stop_at:
            raise KeyboardInterrupt
        return {"x": torch.tensor([position / self.length, 1.0])}


class Line(Task):
    """Learns y = 3 x + 1 through dropout, which makes the random state matter."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Linear(2, 1)

    def forward(self, batch, progress):
        x = nn.functional.dropout(batch["x"], 0.1, self.training)
        y = 3 * batch["x"][:, 0] + batch["x"][:, 1]
        return {"net": {"square": ((self.net(x)[:, 0] - y) ** 2).mean()}}


TRAIN = SegmenterTrain(
    epochs=6, batch_size=2, optimizer="sgd", lr=0.05, head_lr_factor=10, bias_lr_factor=2,
    min_steps=0, decay_biases=False, momentum=0.9, weight_decay=0.0, poly_power=0.9,
)  # fmt: skip


def train(
    folder, dataset=None, settings=TRAIN, identity="same", precision="32-true", workers=0, task=Line
):
    task = task()
    resume = Resume(folder / "work", identity)
    fabric = make_fabric(precision, 1, [EventLog(folder / "tensorboard")])
    fit(fabric, task, dataset or Numbers(), settings, 0, resume, folder / "h.csv", workers)
    return task.net.weight.detach().clone()


def test_the_loss_falls_and_is_logged(tmp_path):
    train(tmp_path)
    history = pd.read_csv(tmp_path / "h.csv", comment="#")
    assert list(history.columns) == ["step", "epoch", "net/square", "lr"]
    assert history["net/square"].iloc[-1] < 0.3 * history["net/square"].iloc[0]
    assert history["step"].iloc[-1] == 24 and history["epoch"].iloc[-1] == 6


def test_half_precision_trains(tmp_path):
    weights = train(tmp_path, precision="bf16-mixed")
    assert weights.dtype == torch.float32
    assert weights.isfinite().all()


def test_equal_seeds_give_equal_weights(tmp_path):
    assert torch.equal(train(tmp_path / "a"), train(tmp_path / "b"))


@pytest.mark.parametrize("epoch", [1, 4])
def test_an_interrupted_training_ends_as_an_undisturbed_one(tmp_path, monkeypatch, epoch):
    undisturbed = train(tmp_path / "a")
    monkeypatch.setattr(state_module, "CHECKPOINT_EVERY", 0.0)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "b", Numbers(stop_at=epoch))
    assert not (tmp_path / "b/h.csv").exists()
    assert torch.equal(train(tmp_path / "b"), undisturbed)
    a, b = (pd.read_csv(tmp_path / name / "h.csv", comment="#") for name in "ab")
    pd.testing.assert_frame_equal(a, b)


def logged(folder):
    """Steps of the events of a training."""
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return [event.step for event in events.Scalars("net/square")]


def test_a_training_that_starts_anew_has_its_own_events_alone(tmp_path):
    train(tmp_path, identity="other")
    (tmp_path / "tensorboard/notes.txt").write_text("mine")
    train(tmp_path)
    assert logged(tmp_path) == list(range(24))
    assert (tmp_path / "tensorboard/notes.txt").exists()


@pytest.mark.parametrize("every", [0.0, 0.02])
def test_a_training_that_resumes_keeps_its_events(tmp_path, monkeypatch, every):
    monkeypatch.setattr(state_module, "CHECKPOINT_EVERY", every)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Numbers(stop_at=3))
    train(tmp_path)
    assert logged(tmp_path) == list(range(24))


class Terminating(Numbers):
    """In the epoch given, the training and the process that loads for it are asked to end."""

    def __init__(self, epoch, main):
        super().__init__()
        self.epoch, self.main = epoch, main

    def __getitem__(self, place):
        if place == (self.epoch, 0):
            # as a thread does that a library started before
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            for process in dict.fromkeys((os.getpid(), self.main)):
                os.kill(process, signal.SIGTERM)
        return super().__getitem__(place)


class Killed(Numbers):
    """The process that loads images is killed, as by a system without memory."""

    epoch, main = 0, 0

    def __getitem__(self, place):
        if place[0] == self.epoch:
            if self.main:
                os.kill(self.main, signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(place)


class Slow(Line):
    """Its steps last longer than loading, so that loaders are killed within a step."""

    def forward(self, batch, progress):
        time.sleep(0.05)
        return super().forward(batch, progress)


@pytest.mark.parametrize("task", [Line, Slow])
def test_a_training_whose_loader_is_killed_with_it_saves_its_state_first(tmp_path, task):
    undisturbed = train(tmp_path / "a")
    dataset = Killed()
    dataset.epoch, dataset.main = 3, os.getpid()
    with pytest.raises(Terminated):
        train(tmp_path / "b", dataset, workers=1, task=task)
    assert Resume(tmp_path / "b/work", "same").load()["step"] > 0
    assert torch.equal(train(tmp_path / "b", Numbers(stop_at=0)), undisturbed)


def test_a_loader_that_was_killed_is_named(tmp_path):
    with pytest.raises(UserError, match="a process that loads images was killed"):
        train(tmp_path, Killed(), workers=1)


@pytest.mark.parametrize(("epoch", "workers"), [(2, 0), (2, 1), (5, 1)])
def test_a_training_that_is_asked_to_end_saves_its_state_first(tmp_path, epoch, workers):
    undisturbed = train(tmp_path / "a")
    with pytest.raises(Terminated) as ended:
        train(tmp_path / "b", Terminating(epoch, os.getpid()), workers=workers)
    # while the error still holds the frames of the training
    assert ended.tb and not active_children()
    saved = Resume(tmp_path / "b/work", "same").load()
    assert saved["step"] > 0 and not (tmp_path / "b/h.csv").exists()
    assert torch.equal(train(tmp_path / "b", Numbers(stop_at=0)), undisturbed)


def test_a_training_whose_results_were_lost_is_not_repeated(tmp_path):
    weights = train(tmp_path)
    history = (tmp_path / "h.csv").read_bytes()
    (tmp_path / "h.csv").unlink()
    assert torch.equal(train(tmp_path, Numbers(stop_at=0)), weights)
    assert (tmp_path / "h.csv").read_bytes() == history


def test_other_inputs_start_afresh(tmp_path, monkeypatch):
    undisturbed = train(tmp_path / "a")
    monkeypatch.setattr(state_module, "CHECKPOINT_EVERY", 0.0)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "b", Numbers(stop_at=3), identity="old")
    assert torch.equal(train(tmp_path / "b", identity="new"), undisturbed)


def test_a_damaged_checkpoint_starts_afresh(tmp_path):
    undisturbed = train(tmp_path / "a")
    (tmp_path / "b/work").mkdir(parents=True)
    (tmp_path / "b/work/last.ckpt").write_bytes(b"half a file")
    assert torch.equal(train(tmp_path / "b"), undisturbed)


def test_a_loss_that_is_not_finite_is_named(tmp_path):
    with pytest.raises(UserError, match=r"net/square is not finite at step \d+ of 24"):
        train(tmp_path, settings=TRAIN.model_copy(update={"lr": 1e20}))


def test_fewer_images_than_a_batch_train(tmp_path):
    train(tmp_path, Numbers(length=1))
    assert len(pd.read_csv(tmp_path / "h.csv", comment="#")) == 6


@pytest.mark.parametrize("steps", [3, 7, 30])
def test_steps_replace_the_epochs(tmp_path, steps):
    train(tmp_path, settings=TRAIN.model_copy(update={"steps": steps}))
    assert pd.read_csv(tmp_path / "h.csv", comment="#")["step"].iloc[-1] == steps


@pytest.mark.parametrize(("floor", "steps"), [(0, 24), (24, 24), (25, 25), (31, 31)])
def test_the_epochs_go_on_until_the_fewest_steps(tmp_path, floor, steps):
    settings = TRAIN.model_copy(update={"min_steps": floor})
    train(tmp_path, settings=settings)
    history = pd.read_csv(tmp_path / "h.csv", comment="#")
    assert settings.length(8) == history["step"].iloc[-1] == steps
    assert history["epoch"].iloc[-1] == -(-steps // 4)
    # the schedule ends with the training
    assert history["lr"].iloc[-1] == pytest.approx(0.05 * (1 / steps) ** 0.9)


def test_a_batch_in_parts_gives_the_same_step(tmp_path, monkeypatch):
    monkeypatch.setattr(nn.functional, "dropout", lambda x, *_: x)
    whole = train(tmp_path / "a", settings=TRAIN.model_copy(update={"batch_size": 4}))
    parts = train(
        tmp_path / "b", settings=TRAIN.model_copy(update={"batch_size": 4, "accumulate": 2})
    )
    assert torch.allclose(whole, parts, rtol=1e-5)
    a, b = (pd.read_csv(tmp_path / name / "h.csv", comment="#") for name in "ab")
    pd.testing.assert_frame_equal(a, b, rtol=1e-5)


class Duel(Line):
    """Two players in turns, the second with its own rate; the batch doubles in epoch 3."""

    def __init__(self):
        super().__init__()
        self.other = nn.Linear(2, 1)

    def players(self):
        return {"net": self.net, "other": self.other}

    def train_overrides(self):
        return {"other": {"lr": 0.0, "poly_power": 0.0}}

    def batch_size(self, base, epoch):
        return base if epoch < 3 else 2 * base

    def forward(self, batch, progress):
        if progress.step % 2:
            return {"other": {"square": (self.other(batch["x"]) ** 2).mean()}}
        return {
            "net": {"rows": super().forward(batch, progress)["net"]["square"] * 0 + len(batch["x"])}
        }


def test_players_take_turns_with_their_own_settings(tmp_path):
    task = Duel()
    before = [p.detach().clone() for p in task.other.parameters()]
    resume = Resume(tmp_path / "work", "same")
    fit(make_fabric("32-true", 1), task, Numbers(), TRAIN, 0, resume, tmp_path / "h.csv")
    history = pd.read_csv(tmp_path / "h.csv", comment="#")
    assert history["net/rows"].dropna().tolist() == [2] * 6 + [4] * 3
    assert history["other/square"].count() == 9
    assert all(torch.equal(a, b) for a, b in zip(before, task.other.parameters(), strict=True))


@pytest.mark.parametrize("length", [{"steps": 30}, {"min_steps": 30}])
def test_a_length_in_steps_is_kept_where_later_batches_are_larger(tmp_path, length):
    train_task(tmp_path, Duel(), TRAIN.model_copy(update=length))
    assert pd.read_csv(tmp_path / "h.csv", comment="#")["step"].iloc[-1] == 30


class Spoilt(Line):
    """The loss of one step is not finite; counts the steps."""

    def __init__(self, spoilt=None):
        super().__init__()
        self.spoilt, self.steps = spoilt, 0

    def forward(self, batch, progress):
        self.steps += 1
        losses = super().forward(batch, progress)
        if progress.step == self.spoilt:
            losses["net"]["square"] = losses["net"]["square"] * torch.inf
        return losses


LONG = TRAIN.model_copy(update={"steps": 70})


def train_task(folder, task, settings=LONG):
    resume = Resume(folder / "work", "same")
    fit(make_fabric("32-true", 1), task, Numbers(), settings, 0, resume, folder / "h.csv")


@pytest.mark.parametrize("spoilt", [0, 21, 39, 40, 69])
def test_a_loss_that_is_not_finite_stops_soon_and_is_named_with_its_step(tmp_path, spoilt):
    task = Spoilt(spoilt)
    with pytest.raises(UserError, match=f"loss net/square is not finite at step {spoilt} of 70"):
        train_task(tmp_path, task)
    assert task.steps <= spoilt + READ_EVERY
    assert not (tmp_path / "h.csv").exists()


def test_no_checkpoint_follows_a_loss_that_is_not_finite(tmp_path, monkeypatch):
    monkeypatch.setattr(state_module, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(state_module, "CHECKPOINT_SHARE", 1e9)
    task = Spoilt(30)
    with pytest.raises(UserError, match="not finite at step 30 of 70"):
        train_task(tmp_path, task)
    saved = Resume(tmp_path / "work", "same").load()
    assert saved["step"] == 30 and saved["task"]["net.weight"].isfinite().all()


def test_losses_are_read_every_few_steps(tmp_path, monkeypatch):
    readings = []
    monkeypatch.setattr(StepLosses, "read", lambda self: readings.append(len(self._steps)))
    train_task(tmp_path, Spoilt())
    assert len(readings) == 70 // READ_EVERY + 2  # the last steps and the last checkpoint


@pytest.mark.parametrize("name", ["item", "__float__", "__bool__", "tolist"])
def test_a_step_does_not_wait_for_the_device(tmp_path, monkeypatch, name):
    """Between two readings no value of a tensor is asked for."""
    plain, asked = getattr(torch.Tensor, name), []

    def spy(tensor):
        asked.append(name)
        return plain(tensor)

    monkeypatch.setattr(torch.Tensor, name, spy)
    monkeypatch.setattr(StepLosses, "read", lambda self: None)
    train_task(tmp_path, Spoilt())
    assert len(asked) < 2  # the loader takes its seed from one


@pytest.mark.parametrize(("cost", "saved"), [(0.1, 9), (10.0, 1), (3.0, 3)])
def test_checkpoints_take_a_small_share_of_the_time(monkeypatch, cost, saved):
    """Steps of 10 seconds for 600 seconds: a checkpoint a minute, or fewer if they are slow."""
    now, written = [0.0], []
    monkeypatch.setattr(state_module.time, "monotonic", lambda: now[0])

    class Slow:
        def save(self, **_):
            written.append(now[0])
            now[0] += cost

    state = SimpleNamespace(
        fabric=SimpleNamespace(is_global_zero=True),
        content=lambda step: {},
        stopping=SimpleNamespace(ended=False),
    )
    with state_module.Checkpoints(state, Slow(), done=0, total=1000) as checkpoints:
        for step in range(60):
            now[0] += 10.0
            checkpoints.after(step + 1)
    assert abs(len(written) - saved) <= 1
