"""On a GPU every training takes a step, and maps are those of the CPU."""

import pytest
import torch

from tests.methods.cases import COMBINATIONS, EARLY, LATE, TRAINED, make, sample, total
from tests.tasks import test_affinity, test_segmentation
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.nn.segmenters import NAMES
from wsss.nn.segmenters import build as segmenter
from wsss.tasks.affinity import AffinityTask
from wsss.tasks.segmentation import SegmentationTask

DEVICE = "cuda"

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]
halves = pytest.mark.parametrize("half", [False, True], ids=["32 bits", "bf16"])


def step(task, batch, half, progress=EARLY):
    """Take a step; True if the loss is finite and the gradients lie on the device."""
    task = task.to(DEVICE)
    there = {key: value.to(DEVICE) for key, value in batch.items()}
    with torch.autocast(DEVICE, torch.bfloat16, enabled=half):
        loss = total(task(there, progress))
    loss.backward()
    grads = [p.grad for p in task.parameters() if p.grad is not None]
    return bool(grads) and all(bool(x.isfinite().all()) for x in (loss, *grads))


@halves
@pytest.mark.parametrize("progress", [EARLY, LATE], ids=["early", "late"])
@pytest.mark.parametrize("name", [*TRAINED, *COMBINATIONS])
def test_a_step_of_every_method(name, progress, half):
    assert step(make(name).train(), sample(), half, progress)


@halves
def test_a_step_of_affinitynet(half):
    assert step(AffinityTask(AffinityNet(build("tiny"))), test_affinity.batch(), half)


@halves
@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_every_segmenter(name, half):
    assert step(
        SegmentationTask(segmenter(name, build("tiny"), 3)), test_segmentation.batch(), half
    )


@pytest.mark.parametrize("name", [*TRAINED, *COMBINATIONS])
def test_maps_are_those_of_the_cpu(name, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    method, image = make(name).eval(), torch.randn(2, 3, 64, 48)
    expected = method.cam(image).detach()
    found = method.to(DEVICE).cam(image.to(DEVICE)).detach().cpu()
    assert torch.allclose(found, expected, atol=1e-3 * float(expected.abs().max()))
