import pytest
import torch
from torch.utils.data import Dataset

from wsss.config.training import AffinityTrain
from wsss.engine import state
from wsss.engine.checkpoint import Resume
from wsss.engine.fabric import make_fabric
from wsss.engine.fit import fit
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.nn.task import Progress
from wsss.tasks.affinity import AffinityTask

CLOCK = Progress(0, 1, 0)


@pytest.fixture
def task():
    torch.manual_seed(0)
    return AffinityTask(AffinityNet(build("tiny"), widths=(8, 16, 24)))


def batch(size=96):
    label = torch.zeros(2, size // 8, size // 8, dtype=torch.uint8)
    label[:, :, size // 16 :] = 1
    return {"image": torch.randn(2, 3, size, size), "label": label}


def test_losses_reach_every_parameter(task):
    losses = task(batch(), CLOCK)["net"]
    assert losses.keys() == {"bg", "fg", "neg"}
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in task.parameters())


def test_nothing_confident_means_no_loss(task):
    sample = batch()
    sample["label"].fill_(255)
    assert sum(task(sample, CLOCK)["net"].values()).item() == 0


def test_small_grids_shrink_the_radius(task):
    assert all(loss.isfinite() for loss in task(batch(48), CLOCK)["net"].values())


def test_it_learns(task):
    sample, step = batch(), torch.optim.SGD(task.parameters(), lr=0.1)
    sample["image"][..., 48:] += 1
    before = sum(task(sample, CLOCK)["net"].values()).item()
    for _ in range(15):
        step.zero_grad()
        sum(task(sample, CLOCK)["net"].values()).backward()
        step.step()
    assert sum(task(sample, CLOCK)["net"].values()).item() < 0.9 * before


def test_scratch_is_the_head(task):
    assert task.from_scratch() == task.net.from_scratch()


class Samples(Dataset):
    """Four samples, a step each; an epoch may be made to interrupt."""

    def __init__(self, stop_at=None):
        self.stop_at = stop_at

    def __len__(self):
        return 4

    def __getitem__(self, place):
        if place[0] == self.stop_at:
            raise KeyboardInterrupt
        return {key: value[0] for key, value in batch(48).items()}


class Watched(AffinityTask):
    """Notes for every step whether any module is in training mode, as dropout then acts."""

    def __init__(self, eval_from):
        torch.manual_seed(0)
        super().__init__(AffinityNet(build("tiny"), widths=(8, 16, 24)), eval_from=eval_from)
        self.modes = []

    def forward(self, batch, progress):
        losses = super().forward(batch, progress)
        self.modes.append(any(module.training for module in self.net.modules()))
        return losses


def modes(folder, eval_from, data):
    """Train for two epochs of four steps; return the mode of every step."""
    task, recipe = Watched(eval_from), AffinityTrain(epochs=2, min_steps=0, batch_size=1)
    resume = Resume(folder / "work", "same")
    fit(make_fabric("32-true", 1), task, data, recipe, 0, resume, folder / "h.csv")
    return task.modes


@pytest.mark.parametrize(("eval_from", "steps"), [(None, 8), (0, 0), (3, 3), (8, 8)])
def test_a_training_leaves_training_mode_at_a_step(eval_from, steps, tmp_path):
    assert modes(tmp_path, eval_from, Samples()) == [True] * steps + [False] * (8 - steps)


def test_a_resumed_training_stays_in_evaluation_mode(tmp_path, monkeypatch):
    monkeypatch.setattr(state, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(state, "CHECKPOINT_SHARE", 1e9)
    with pytest.raises(KeyboardInterrupt):
        modes(tmp_path, 3, Samples(stop_at=1))
    assert modes(tmp_path, 3, Samples()) == [False] * 4
