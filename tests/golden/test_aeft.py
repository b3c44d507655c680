"""AEFT against `resnet38d.py`, `model_aeft_gpp.py` and `infer.py` of KAIST-vilab/AEFT."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.golden.published import agree_gradients, batch_of, multi_scale, trained, without_dropout
from wsss.losses.triplet import (
    attraction,
    distance,
    erasing_mask,
    hinge,
    pick_negatives,
    presence,
    residue,
)
from wsss.methods import get
from wsss.nn.backbones import build
from wsss.nn.heads.gpp import BINS, gated_pyramid, pool_to, signed_score
from wsss.nn.weights import official_names

pytestmark = pytest.mark.golden

SCALES = (0.5, 1.0, 1.5, 2.0)
MARGINS = pytest.mark.parametrize("suffix", ["", "_M1"])


@pytest.fixture(scope="module")
def ref(golden):
    return golden("aeft")


@pytest.fixture(scope="module")
def batch(ref):
    batch = batch_of(ref)
    return batch["image"], batch["label"]


@pytest.fixture(scope="module")
def aeft(ref, fill):
    """The method in training mode without dropout, with the options of the reference run."""
    (erase, residual), (_, attract, repulse) = ref["TH"].tolist(), ref["W"].tolist()
    method = get("aeft")
    params = method.Params(
        **{"erase": erase, "residual": residual, "margin": float(ref["M"])},
        **{"attraction": attract, "repulsion": repulse, "batch_size": len(ref["images"])},
    )
    aeft = method(build("resnet38d"), ref["labels"].shape[1], params)
    fill(aeft.net, ref["seed"], ref["gain"])
    return without_dropout(aeft)


@pytest.fixture(scope="module")
def maps(aeft, batch):
    """What the net draws of the images and of their erased copies."""
    image, label = batch
    with torch.no_grad():
        features = aeft.net.features(aeft.net.backbone(image))
        cam, pooled = aeft.net.maps(features)
        mask = erasing_mask(cam, label, image.shape[2:], aeft.params.erase)
        cam_erased, pooled_erased = aeft.net.maps(
            aeft.net.features(aeft.net.backbone(image * mask))
        )
    return SimpleNamespace(**{key: value for key, value in locals().items() if key != "aeft"})


@pytest.fixture(scope="module")
def embedded(aeft, maps, batch, ref):
    """Embeddings of the anchors and of their negatives."""
    label = batch[1]
    anchor = residue(maps.cam, maps.pooled, label, aeft.params.residual)
    return anchor, residue(maps.cam, maps.pooled, label, 1.0)[ref["n_idx"]]


def first(ref, key, values):
    ref.agree(key, values[: len(ref[key])])


def test_names_and_trained_parameters(aeft, ref):
    ref.agree("state_names", np.array(sorted(official_names(aeft.net))))
    ref.agree("requires_grad", trained(aeft.net))


def test_network(aeft, maps, batch, ref):
    first(ref, "cam", maps.cam)
    first(ref, "gpp", maps.pooled)
    ref.agree("logits", aeft.net.classify(maps.features, batch[0].shape[2:]))
    first(ref, "cam", aeft.net.cam(batch[0][: len(ref["cam"])]))


def test_layer_alone(aeft, ref):
    cam = torch.from_numpy(ref["gpp_in_cam"])
    gates = (aeft.net.gconv1, aeft.net.gconv2, aeft.net.gconv3)
    grids = [pool_to(cam, bins) for bins in BINS]
    for bins, grid in zip(BINS, grids, strict=True):
        first(ref, f"gpp_alone_gap_{bins}", grid)
    merged = gates[0](grids[0], grids[1])
    first(ref, "gpp_alone_att1", merged)
    first(ref, "gpp_alone_att2", gates[1](merged, grids[2]))
    pooled = gated_pyramid(cam, gates)
    ref.agree("gpp_alone_gpp", pooled)
    ref.agree("gpp_alone_outs", signed_score(cam, pooled))


def test_erased_copies(maps, ref):
    first(ref, "mask_pos", maps.mask[:, 0])
    first(ref, "cam_mask", maps.cam_erased)
    first(ref, "gpp_masked", maps.pooled_erased)
    ref.agree("out_mask", signed_score(maps.cam_erased, maps.pooled_erased))


def test_embeddings(maps, embedded, batch, ref):
    ref.agree("anchor", presence(maps.pooled, batch[1]))
    ref.agree("positive", presence(maps.pooled_erased, batch[1]))
    ref.agree("distance_negative_pos", distance(*embedded))


@MARGINS
def test_pairs_that_are_too_close(embedded, ref, suffix):
    hard = hinge(*embedded, float(ref["M" + suffix])).nonzero().flatten()
    ref.agree("hard_triplets" + suffix, hard)
    ref.agree("anchor_pos_hard" + suffix, embedded[0][hard])
    ref.agree("negative_pos_hard" + suffix, embedded[1][hard])


def test_published_partners_can_be_drawn(batch, ref):
    torch.manual_seed(0)
    draws = [torch.stack(pick_negatives(batch[1]), dim=1).tolist() for _ in range(1000)]
    drawn = {tuple(pair) for pairs in draws for pair in pairs}
    published = ref["n_idx"].tolist()
    # where an image has no partner, the published list is shifted
    disjoint = (batch[1] * batch[1][published]).sum(1) == 0
    assert drawn.issuperset(pair for pair in enumerate(published) if disjoint[pair[0]])
    assert drawn.isdisjoint(enumerate(ref["p_idx"].tolist()))


@MARGINS
def test_losses_and_gradients(aeft, batch, ref, suffix, monkeypatch):
    margin = aeft.params.model_copy(update={"margin": float(ref["M" + suffix])})
    monkeypatch.setattr(aeft, "params", margin)
    aeft.zero_grad()
    negatives = torch.from_numpy(ref["n_idx"])
    losses = aeft.triplet_losses(*batch, torch.arange(len(negatives)), negatives)
    loss = sum(losses.values())
    loss.backward()
    ref.agree("loss_total" + suffix, loss.item())
    for key, name in {"cls": "cls", "attract": "attraction", "repulse": "repulsion"}.items():
        ref.agree(f"loss_{key}{suffix}", losses[name].item())
    agree_gradients(ref, aeft.net, f"gradnorm{suffix}:")


def test_losses_alone(ref):
    anchor, other = (torch.from_numpy(ref[key]) for key in ("triplet_a", "triplet_n"))
    ref.agree("triplet_repulse", hinge(anchor, other, float(ref["M"])).mean().item())
    ref.agree("triplet_attract", attraction(anchor, other).item())


def test_inference(aeft, ref):
    ref.agree("msf_cam", multi_scale(aeft, ref, SCALES))
