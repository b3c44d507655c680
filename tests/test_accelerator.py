"""What is trained stays on its device; the stand-in notices what does not."""

import pytest
import torch

from tests.accelerator import OnDevice, accelerator, put
from tests.methods.cases import COMBINATIONS, EARLY, LATE, TRAINED, make, sample, total
from tests.tasks import test_affinity, test_segmentation
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.nn.segmenters import NAMES
from wsss.nn.segmenters import build as segmenter
from wsss.tasks.affinity import AffinityTask
from wsss.tasks.segmentation import SegmentationTask


def step(task, batch, progress=EARLY):
    """Take a step of a task on the accelerator; return whether loss and gradients are there."""
    with accelerator():
        loss = total(put(task)({key: OnDevice(value) for key, value in batch.items()}, progress))
        loss.backward()
    grads = [p.grad for p in task.parameters() if p.grad is not None]
    return bool(grads) and all(isinstance(x, OnDevice) for x in (loss, *grads))


@pytest.mark.parametrize("progress", [EARLY, LATE], ids=["early", "late"])
@pytest.mark.parametrize("name", [*TRAINED, *COMBINATIONS])
def test_a_step_of_every_method_stays_on_its_device(name, progress):
    assert step(make(name).train(), sample(), progress)


@pytest.mark.parametrize("name", [*TRAINED, *COMBINATIONS])
def test_maps_are_drawn_on_the_device(name):
    method = make(name).eval()
    with accelerator(), torch.no_grad():
        classes = OnDevice(torch.tensor([0, 1]))
        maps = put(method).infer(OnDevice(torch.randn(1, 3, 64, 48)), (20, 15), classes)
    assert isinstance(maps, OnDevice)


def test_a_step_of_affinitynet_stays_on_its_device():
    assert step(AffinityTask(AffinityNet(build("tiny"))), test_affinity.batch())


@pytest.mark.parametrize("loss", ["mean", "per_image", "balanced"])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_every_segmenter_stays_on_its_device(name, loss):
    task = SegmentationTask(segmenter(name, build("tiny"), 3), loss=loss)
    assert step(task, test_segmentation.batch())


def test_what_mixes_devices_is_noticed():
    with accelerator():
        image = OnDevice(torch.ones(2, 3))
        with pytest.raises(RuntimeError, match="two devices"):
            image + torch.ones(2, 3)
        with pytest.raises(RuntimeError, match="two devices"):
            torch.ones(3)[OnDevice(torch.tensor([1]))]
        assert isinstance(image + torch.ones(2, 3, device=image.device), OnDevice)
        assert image[torch.tensor([1])].cpu().tolist() == [[1, 1, 1]]
