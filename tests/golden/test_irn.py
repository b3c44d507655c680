"""IRN against `resnet50_cam.py`, `resnet50_irn.py` and `step/*` (golden README, section 12)."""

import numpy as np
import pytest
import torch

from tests.golden.published import agree_gradients, batch_of
from wsss.data.transforms import normalise
from wsss.data.views import scaled_copies, views
from wsss.engine.tta import sum_views
from wsss.methods import get
from wsss.nn.backbones import build
from wsss.nn.irnet import IRNet
from wsss.nn.task import Progress
from wsss.nn.weights import official_names

pytestmark = pytest.mark.golden

SCALES = (1.0, 0.5, 1.5, 2.0)


@pytest.fixture(scope="module")
def ref(golden):
    return golden("irn")


@pytest.fixture(scope="module")
def method(ref, fill):
    kind = get("irn")
    irn = kind(build("resnet50"), ref["labels"].shape[1], kind.Params())
    fill(irn.net, ref["seed"], ref["gain"])
    return irn.train()


@pytest.fixture(scope="module")
def net(ref, fill):
    return fill(IRNet(build("resnet50")), ref["seed"], ref["gain"])


def network_input(images):
    """Normalise uint8 images (B, H, W, 3) to (B, 3, H, W)."""
    return torch.from_numpy(np.stack([normalise(image).transpose(2, 0, 1) for image in images]))


@pytest.mark.parametrize("kind", ["cam", "irn"])
def test_names_are_those_of_the_checkpoints(kind, method, net, ref):
    names = official_names(method.net if kind == "cam" else net)
    assert names.keys() <= set(ref[f"{kind}_state_names"])


def test_classifier(method, ref):
    method.zero_grad()
    batch = batch_of(ref)
    with torch.no_grad():
        ref.agree("cls_logits", method.net.logits(batch["image"]))
    loss = method(batch, Progress(0, 1, 0))["net"]["cls"]
    loss.backward()
    ref.agree("cls_loss", loss.item())
    agree_gradients(ref, method.net, "cls_gradnorm:")


def test_layers_that_are_not_trained(method, ref):
    names = official_names(method.net)
    held = [o for o, ours in names.items() if "running" not in o and "num_batches" not in o]
    held = [o for o in held if not method.net.get_parameter(names[o]).requires_grad]
    assert set(held) == set(ref["cls_no_grad"])


def test_maps_of_an_image_and_its_mirrored_copy(method, ref):
    view = batch_of(ref)["image"][:1]
    with torch.no_grad():
        plain, mirrored = method.cam(torch.cat([view, view.flip(-1)]))
    ref.agree("cam_out", plain + mirrored.flip(-1))


def test_maps_over_scales(method, ref):
    height, width = (-(-side // 4) for side in ref["mc_image"].shape[:2])
    keys = torch.from_numpy(ref["mc_keys"])
    batches = views(scaled_copies(ref["mc_image"], SCALES, "pillow").copies, torch.device("cpu"))
    size = (height, width)
    total = sum_views(batches, lambda view: method.infer(view, size, keys), size, flip=True)
    ref.agree("mc_cam", method.scale_maps(total.numpy()))


def test_boundaries_and_displacements(net, ref):
    with torch.no_grad():
        taps = net.taps(network_input(ref["irn_images"]))
        ref.agree("irn_dp_train_mode_img0", net.train().displacements(taps)[0])
        net.eval()
        ref.agree("irn_mean_dp", net.displacements(taps).mean((0, 2, 3)))
        ref.agree("irn_edge_logit", net.edges(taps)[:, 0])
        ref.agree("irn_dp", net.displacements(taps))
