import pytest
import torch

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
