"""AffinityNet and its training step against `resnet38_aff.py`, `vgg16_aff.py`, `train_aff.py`."""

import numpy as np
import pytest
import torch

from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.nn.task import Progress
from wsss.nn.weights import official_names
from wsss.ops.affinity import pair_affinity, pair_labels
from wsss.ops.pairs import fit_radius, pair_indices
from wsss.tasks.affinity import AffinityTask

pytestmark = pytest.mark.golden

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BACKBONES = {"resnet38": "resnet38d", "vgg16": "vgg16"}


def normalised(images):
    chw = np.moveaxis((images / 255 - MEAN) / STD, -1, -3).astype(np.float32)
    return torch.from_numpy(chw)


def affinities(net, images, radius=lambda h, w: 5):
    """Features, affinities (B, P, n), source and target cells, without gradient."""
    with torch.no_grad():
        features = net.features(normalised(images))
    h, w = features.shape[2:]
    nearer = radius(h, w)
    return features, pair_affinity(features, nearer), *pair_indices(h, w, nearer)


def dense(pairs, source, target, cells):
    """Symmetric matrix of the affinities of one image, ones on the diagonal."""
    matrix = torch.eye(cells)
    matrix[source.expand_as(target), target] = pairs
    matrix[target, source.expand_as(target)] = pairs
    return matrix


@pytest.fixture(scope="module")
def ref(golden):
    return golden("affinity")


@pytest.fixture(scope="module", params=BACKBONES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def task(name, ref, fill):
    net = fill(AffinityNet(build(BACKBONES[name])), ref["seed"], ref[f"{name}_aff.gain"])
    task = AffinityTask(net).train()
    for module in task.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.eval()
    return task


def test_state_names(task, name, ref):
    ref.agree(f"{name}_state_names", np.array(sorted(official_names(task.net))))


def test_dense_affinity(task, name, ref):
    features, pairs, *cells = affinities(task.net, ref["dense_image"][None])
    ref.agree(f"{name}_f9_elu_sub", features[0, ::8])
    ref.agree(f"{name}_dense", dense(pairs[0], *cells, features[0, 0].numel()))


def test_pair_affinities(task, name, ref):
    ref.agree(f"{name}_aff", affinities(task.net, ref["images"])[1])


@pytest.mark.parametrize("name", ["resnet38"], indirect=True)
def test_radius_shrinks_on_small_images(task, ref):
    images = ref["small_image"][None]
    features, pairs, *cells = affinities(task.net, images, lambda h, w: fit_radius(h, w, 5))
    ref.agree("seam_small_aff", pairs[0])
    ref.agree("seam_small_dense", dense(pairs[0], *cells, features[0, 0].numel()))


def test_losses_and_gradients(task, name, ref):
    label = torch.from_numpy(np.stack([ref["lab0_map"], ref["lab1_map"]]))
    kinds = pair_labels(label, task.radius)
    task.zero_grad()
    losses = task({"image": normalised(ref["images"]), "label": label}, Progress(0, 1, 0))["net"]
    sum(losses.values()).backward()
    ref.agree(f"{name}_loss", sum(losses.values()).item())
    for (kind, weight), mask in zip({"bg": 4, "fg": 4, "neg": 2}.items(), kinds, strict=True):
        ref.agree(f"{name}_{kind}_count", mask.sum().item())
        ref.agree(f"{name}_{kind}_loss", weight * losses[kind].item())
    ours = official_names(task.net)
    for key in ref.starting(f"{name}_gradnorm:"):
        grad = task.net.get_parameter(ours[key.partition(":")[2]]).grad
        ref.agree(key, grad.double().norm().item())
