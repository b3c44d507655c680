import pytest
import torch

from wsss.nn.backbones import build
from wsss.nn.irnet import IRNet
from wsss.nn.task import Progress
from wsss.tasks.irn import IrnTask

CLOCK = Progress(0, 1, 0)


@pytest.fixture
def task():
    torch.manual_seed(0)
    return IrnTask(IRNet(build("tiny"))).train()


def batch(size=64):
    """Two images with the background on the left, and an object of another colour on the right."""
    label = torch.zeros(2, size, size, dtype=torch.uint8)
    label[:, :, size // 2 :] = 3
    image = torch.randn(2, 3, size, size)
    image[..., size // 2 :] += 2
    return {"image": image, "label": label}


def test_losses_reach_every_head(task):
    losses = task(batch(), CLOCK)["net"]
    assert losses.keys() == {"bg", "fg", "neg", "dp_bg", "dp_fg"}
    sum(losses.values()).backward()
    heads = [p for p in task.parameters() if p.requires_grad]
    assert heads and all(p.grad is not None for p in heads)


def test_nothing_sure_means_no_loss(task):
    sample = batch()
    sample["label"].fill_(255)
    assert sum(task(sample, CLOCK)["net"].values()).item() == 0


@pytest.mark.parametrize("size", [32, 48])
def test_small_grids_shrink_the_radius(task, size):
    assert all(loss.isfinite() for loss in task(batch(size), CLOCK)["net"].values())


def test_half_precision_is_finite(task):
    with torch.autocast("cpu", torch.bfloat16):
        losses = task(batch(), CLOCK)["net"]
    assert all(loss.isfinite() and loss.dtype == torch.float32 for loss in losses.values())


def test_it_learns(task):
    sample, step = batch(), torch.optim.AdamW(task.net.parameters(), lr=0.003)
    before = sum(task(sample, CLOCK)["net"].values()).item()
    for _ in range(8):
        step.zero_grad()
        sum(task(sample, CLOCK)["net"].values()).backward()
        step.step()
    assert sum(task(sample, CLOCK)["net"].values()).item() < 0.8 * before


def test_scratch_is_the_head_of_the_displacements(task):
    assert task.from_scratch() == task.net.from_scratch()
