"""SB against `resnet38_SEAM_BD.py`, `auxiliary.py`, `smoothness/`, `train_SB.py`, `infer_SB.py`.

Of the three cross entropies in the file ours is `bce_clamp100`, that of current PyTorch; so
`bce_eps1e-12` (PyTorch 0.4) and `bce_exact` (from logits) are not compared.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.golden.published import (
    agree_gradients,
    agree_views,
    batch_of,
    multi_scale,
    trained,
    without_dropout,
)
from wsss.losses.boundary import smoothness
from wsss.losses.classification import probability_bce
from wsss.methods import get
from wsss.nn.backbones import build
from wsss.nn.task import Progress
from wsss.nn.weights import official_names
from wsss.ops.edges import canny, derivatives, wrapped_bytes

pytestmark = pytest.mark.golden

SCALES = (0.5, 1.0, 1.5, 2.0)


@pytest.fixture(scope="module")
def ref(golden):
    return golden("sb")


@pytest.fixture(scope="module")
def batch(ref):
    return batch_of(ref) | {"boundary": torch.from_numpy(ref["ct_u8"])}


@pytest.fixture(scope="module")
def sb(ref, fill):
    method = get("sb")
    sb = method(build("resnet38d"), ref["labels"].shape[1], method.Params())
    fill(sb.net, ref["seed"], ref["gain"])
    ours = official_names(sb.net)
    for key in ref.starting("gain:"):
        tensor = sb.net.get_parameter(ours[key.removeprefix("gain:")]).detach()
        tensor *= float(ref[key] / ref["gain"])
    return without_dropout(sb)


@pytest.fixture(scope="module")
def drawn(sb, batch):
    """Both kinds of maps and the boundary logits of both views."""
    with torch.no_grad():
        pairs = [(view, sb.net.backbone(view)) for view in sb.views(batch["image"])]
        return [(*sb.net.activate(*pair), sb.net.edges(*pair)) for pair in pairs]


def test_maps_and_boundaries(sb, batch, drawn, ref):
    step = int(ref["out_stride"])
    for key, got in zip(("cam", "cam_rv", "edge"), drawn[0], strict=True):
        ref.agree(key, got[..., ::step, ::step])
    with torch.no_grad():
        alone = sb.net.semantic_edges(batch["image"], sb.net.backbone(batch["image"]))
    ref.agree("semantic_edge_prefuse", alone[..., ::step, ::step])


def test_canny_of_the_wrapped_bytes(sb, batch, ref):
    ref.agree("canny_input", wrapped_bytes(batch["image"]))
    for key, view in zip(("canny", "canny2"), sb.views(batch["image"]), strict=True):
        ref.agree(key, canny(view)[:, 0].to(torch.uint8))


def test_filters(ref):
    filtered = derivatives(torch.from_numpy(ref["smooth_logit"]))
    for key, got in zip(("smooth_gx", "smooth_gy", "smooth_lap"), filtered, strict=True):
        ref.agree(key, got)


def test_smoothness(ref):
    logit = torch.from_numpy(ref["smooth_logit"]).requires_grad_()
    given = (torch.from_numpy(ref[key]) for key in ("smooth_gt", "smooth_label"))
    loss = smoothness(torch.sigmoid(logit), *given)
    ref.agree("smooth_out", loss.item())
    ref.agree("smooth_grad", torch.autograd.grad(loss, logit)[0])


def test_a_saturated_boundary(ref):
    logit, target = (torch.from_numpy(ref[key]) for key in ("bce_logit", "bce_target"))
    ref.agree("bce_clamp100", probability_bce(logit, target).item())


def test_losses_of_each_view(sb, drawn, batch, ref):
    label = batch["label"]
    present = F.pad(label, (1, 0), value=1.0)
    for i, ((cam, _, edge), target) in enumerate(
        zip(drawn, sb.views(batch["boundary"].float() / 255), strict=True), 1
    ):
        ref.agree(f"loss_ct_{i}", probability_bce(edge, target * present[:, :, None, None]).item())
        ref.agree(f"smoothness_loss_{i}", smoothness(cam.sigmoid(), target, present).item())
    agree_views(ref, [views[:2] for views in drawn], label)


def test_loss_and_gradients(sb, batch, ref):
    sb.zero_grad()
    losses = sb(batch, Progress(0, 1, 0))["net"]
    loss = sum(losses.values())
    loss.backward()
    ref.agree("loss", loss.item())
    ref.agree("loss_cls", (losses["cls"] + losses["rvmin"]).item())
    named = {"er": "loss_er", "ecr": "loss_ecr", "boundary": "loss_ct"}
    for name, key in (named | {"smoothness": "smoothness_loss"}).items():
        ref.agree(key, losses[name].item())
    agree_gradients(ref, sb.net)


def test_names_and_trained_parameters(sb, ref):
    ref.agree("state_names", np.array(sorted(official_names(sb.net))))
    ref.agree("requires_grad", trained(sb.net))


def test_multi_scale_maps(sb, ref):
    ref.agree("msf_cam", multi_scale(sb, ref, SCALES))
