import math

import pytest
import torch

from wsss.nn.backbones import build
from wsss.nn.segmenters import NAMES
from wsss.nn.segmenters import build as segmenter
from wsss.nn.task import Progress
from wsss.tasks.segmentation import SegmentationTask

CLOCK = Progress(0, 1, 0)


@pytest.fixture
def task():
    torch.manual_seed(0)
    net = segmenter("deeplab_v3plus", build("tiny"), 3, width=16, low_width=8, rates=(1, 2, 3))
    return SegmentationTask(net)


def batch():
    label = torch.zeros(2, 40, 48, dtype=torch.int64)
    label[:, 10:30, 10:30] = 2
    image = torch.randn(2, 3, 40, 48) + label[:, None]
    label[:, :4] = 255
    return {"image": image, "label": label}


def test_equal_logits_cost_the_logarithm_of_the_labels(task):
    for parameter in task.net.decoder.last_conv[-1].parameters():
        torch.nn.init.zeros_(parameter)
    assert task(batch(), CLOCK)["net"]["ce"].item() == pytest.approx(math.log(3))


def test_ignored_pixels_do_not_count(task):
    sample = batch()
    sample["label"].fill_(255)
    loss = task(sample, CLOCK)["net"]["ce"]
    loss.backward()
    assert loss.item() == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_segmenter_learns(name):
    torch.manual_seed(0)
    task = SegmentationTask(segmenter(name, build("tiny"), 3), freeze="nothing")
    sample, step = batch(), torch.optim.AdamW(task.parameters(), lr=0.003)
    losses = []
    for _ in range(20):
        step.zero_grad()
        losses.append(sum(task(sample, CLOCK)["net"].values()))
        losses[-1].backward()
        step.step()
    assert losses[-1] < 0.5 * losses[0]


def test_scratch_is_the_head(task):
    assert task.from_scratch() == task.net.from_scratch()


def norms(task):
    return [m for m in task.net.modules() if isinstance(m, torch.nn.BatchNorm2d)]


@pytest.fixture
def frozen():
    """A task around a backbone that holds BatchNorm by itself."""

    def make(freeze):
        net = segmenter("deeplab_v3plus", build("mobilenet_v2"), 3, width=16, low_width=8)
        return SegmentationTask(net, freeze=freeze).train()

    return make


def test_by_itself_a_backbone_holds_its_norms_and_the_head_trains(frozen):
    task = frozen("backbone")
    held = {m.training for m in task.net.backbone.modules() if m in norms(task)}
    assert held == {False} and task.net.decoder.bn1.training


def test_norms_hold_statistics_and_factors_everywhere(frozen):
    task = frozen("norms")
    assert not any(m.training or m.weight.requires_grad for m in norms(task))
    assert all(p.requires_grad for m in task.net.modules() if isinstance(m, torch.nn.Conv2d)
               for p in m.parameters())  # fmt: skip


def test_affine_follows_the_statistics_but_not_the_factors(frozen):
    task = frozen("affine")
    assert all(m.training and not m.weight.requires_grad for m in norms(task))


def test_nothing_is_frozen(frozen):
    assert all(parameter.requires_grad for parameter in frozen("nothing").parameters())


def test_the_head_alone_is_trained(frozen):
    task = frozen("all")
    trained = {id(parameter) for parameter in task.parameters() if parameter.requires_grad}
    head = [p for module in task.from_scratch() for p in module.parameters()]
    assert trained == {id(parameter) for parameter in head}
    assert not any(m.training for m in task.net.backbone.modules() if m in norms(task))


def test_per_image_divides_by_the_batch_size_of_the_step(task):
    """Also where the step is computed in parts."""
    task.eval()
    divided = SegmentationTask(task.net, "per_image", batch_size=8).eval()
    whole, part = task(batch(), CLOCK)["net"]["ce"], divided(batch(), CLOCK)["net"]["ce"]
    assert part.shape == whole.shape and part < whole / 4
