"""AffinityNet and its training step against `network/resnet38_aff.py` and `train_aff.py`."""

import numpy as np
import pytest
import torch

from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.nn.task import Clock
from wsss.nn.weights import official_names
from wsss.ops.affinity import pair_affinity
from wsss.ops.pairs import pair_indices
from wsss.tasks.affinity import AffinityTask

pytestmark = pytest.mark.golden

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalised(images):
    chw = np.moveaxis((images / 255 - MEAN) / STD, -1, -3).astype(np.float32)
    return torch.from_numpy(chw)


@pytest.fixture(scope="module")
def ref(golden):
    return golden("affinity")


@pytest.fixture(scope="module")
def task(ref, fill):
    net = fill(AffinityNet(build("resnet38d")), ref["seed"], ref["resnet38_aff.gain"])
    task = AffinityTask(net).train()
    for module in task.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.eval()
    return task


def test_state_names(task, ref):
    ref.agree("resnet38_state_names", np.array(sorted(official_names(task.net))))


def test_dense_affinity(task, ref):
    with torch.no_grad():
        features = task.net.features(normalised(ref["dense_image"])[None])
    ref.agree("resnet38_f9_elu_sub", features[0, ::8])
    h, w = features.shape[2:]
    source, target = pair_indices(h, w, task.radius)
    pairs = pair_affinity(features, source, target)[0]
    dense = torch.eye(h * w)
    dense[source.expand_as(target), target] = pairs
    dense[target, source.expand_as(target)] = pairs
    ref.agree("resnet38_dense", dense)


def test_pair_affinities(task, ref):
    with torch.no_grad():
        features = task.net.features(normalised(ref["images"]))
    source, target = pair_indices(*features.shape[2:], task.radius)
    ref.agree("resnet38_aff", pair_affinity(features, source, target))


def test_losses_and_gradients(task, ref):
    label = torch.from_numpy(np.stack([ref["lab0_map"], ref["lab1_map"]]))
    task.zero_grad()
    losses = task({"image": normalised(ref["images"]), "label": label}, Clock(0, 1, 0))["net"]
    sum(losses.values()).backward()
    ref.agree("resnet38_loss", sum(losses.values()).item())
    for name, weight in {"bg": 4, "fg": 4, "neg": 2}.items():
        ref.agree(f"resnet38_{name}_loss", weight * losses[name].item())
    ours = official_names(task.net)
    keys = ref.keys()
    for key in (k for k in keys if k.startswith("resnet38_gradnorm:")):
        grad = task.net.get_parameter(ours[key.partition(":")[2]]).grad
        ref.agree(key, grad.double().norm().item())
