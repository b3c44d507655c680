"""DeepLab v2 with Caffe's ResNet-101 against kazuto1011/deeplab-pytorch."""

import numpy as np
import pytest
import torch

from tests.golden.published import agree_gradients
from wsss.data.transforms import normalise
from wsss.losses.segmentation import multiscale_cross_entropy, resized_labels
from wsss.nn.backbones import build as backbone
from wsss.nn.segmenters import build
from wsss.nn.weights import official_names

pytestmark = pytest.mark.golden


@pytest.fixture(scope="module")
def ref(golden):
    return golden("deeplab")


@pytest.fixture(scope="module")
def net(ref, fill):
    net = build("deeplab_v2", backbone("resnet101_caffe"), len(ref["v2_base0"]))
    fill(net, ref["seed"], ref["v2.gain"])
    for conv in net.aspp.children():
        conv.weight.data *= float(ref["v2.gain_aspp_weights"] / ref["v2.gain"])
    return net.eval()


def batch(*images):
    return torch.from_numpy(np.stack([normalise(image).transpose(2, 0, 1) for image in images]))


def test_state_names(net, ref):
    ref.agree("v2_state_names", np.array(sorted(official_names(net))))


@pytest.mark.parametrize("i", [0, 1])
def test_logits(net, ref, i):
    x = batch(ref[f"image{i}"])
    with torch.no_grad():
        ref.agree(f"v2_base{i}", net.logits(x)[0])
        ref.agree(f"v2_msc{i}", net.training_logits(x)[-1][0])
        ref.agree(f"v2_argmax{i}", net(x)[0].argmax(0))


def test_loss_and_gradients(net, ref):
    net.train().zero_grad()
    labels = torch.from_numpy(ref["v2_train_gt"]).long()
    logits = net.training_logits(batch(*ref["v2_train_images"]))
    losses = multiscale_cross_entropy(logits, labels)
    sum(losses).backward()
    for i, scores in enumerate(logits):
        ref.agree(f"v2_train_logits{i}_img0", scores[0])
    ref.agree("v2_train_losses", torch.stack(losses))
    ref.agree("v2_train_loss", sum(losses).item())
    agree_gradients(ref, net, "v2_gradnorm:")


def test_labels_are_resized_as_pillow_does(ref):
    labels = torch.from_numpy(ref["v2_train_gt"]).long()
    for key in ref.starting("v2_resized_labels_"):
        size = tuple(map(int, key.rpartition("_")[2].split("x")))
        ref.agree(key, resized_labels(labels, size))
