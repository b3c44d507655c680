"""DeepLab v1 with ResNet-38 against `seamv1-pseudovoc` of semantic-segmentation-codebase."""

import numpy as np
import pytest
import torch

from tests.golden.published import agree_gradients, without_dropout
from wsss.config.crf import CrfKernel
from wsss.config.segmenter import SegmenterInfer
from wsss.data.transforms import normalise
from wsss.data.views import scaled_copies
from wsss.losses.segmentation import cross_entropy
from wsss.nn.backbones import build as backbone
from wsss.nn.segmenters import build
from wsss.nn.weights import official_names
from wsss.ops.crf import decide
from wsss.stages.infer_segmenter import logits

pytestmark = pytest.mark.golden

SCALES = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
CRF = CrfKernel(iterations=1, bilateral_sxy=32)


@pytest.fixture(scope="module")
def ref(golden):
    return golden("deeplab")


@pytest.fixture(scope="module")
def net(ref, fill):
    labels = len(ref["v1_low0"])
    return fill(build("deeplab_v1", backbone("resnet38d"), labels), ref["seed"], ref["v1.gain"])


def batch(*images):
    return torch.from_numpy(np.stack([normalise(image).transpose(2, 0, 1) for image in images]))


def test_state_names(net, ref):
    ref.agree("v1_state_names", np.array(sorted(official_names(net))))


@pytest.mark.parametrize("i", [0, 1])
def test_logits(net, ref, i):
    x = batch(ref[f"image{i}"])
    with torch.no_grad():
        ref.agree(f"v1_low{i}", net.eval().logits(x)[0])
        ref.agree(f"v1_out{i}_s3", net(x)[0, :, ::3, ::3])


def test_loss_and_gradients(net, ref):
    without_dropout(net).zero_grad()
    net.dropout.eval()
    net.bn_fov.momentum = net.bn_fov2.momentum = 0  # the other tests want the old statistics
    loss = cross_entropy(net(batch(*ref["train_images"])), torch.from_numpy(ref["train_gt"]).long())
    loss.backward()
    ref.agree("v1_train_loss", loss.item())
    agree_gradients(ref, net, "v1_gradnorm:")


def test_scaled_inputs(ref):
    for key in ref.starting("v1_msf_input_"):
        scale, _, step = key.removeprefix("v1_msf_input_").partition("_s")
        (view,) = scaled_copies(ref["v1_msf_image"], [float(scale)], "opencv").copies
        ref.agree(key, view[0, :, :: int(step or 1), :: int(step or 1)])


def test_multi_scale_and_crf(net, ref):
    image = ref["v1_msf_image"]
    infer = SegmenterInfer(scales=SCALES, flip=True, resampling="opencv")
    given = scaled_copies(image, SCALES, "opencv")
    scores = logits(net.eval(), given, infer).softmax(0).numpy()
    ref.agree("v1_msf_prob_s2", scores[:, ::2, ::2])
    ref.agree("v1_msf_argmax_nocrf", scores.argmax(0))
    ref.agree("v1_msf_crf_image", image)
    ref.agree("v1_msf_argmax_crf", decide(scores, ref["v1_msf_crf_image"], CRF))
