"""IRN against `resnet50_cam.py`, `resnet50_irn.py` and `step/*` (golden README, section 12)."""

import numpy as np
import pytest
import torch

from tests.golden.published import agree_gradients, batch_of
from wsss.config.crf import CrfKernel
from wsss.data.transforms import normalise, resize_labels
from wsss.data.views import scaled_copies, views
from wsss.engine.tta import sum_views
from wsss.losses.affinity import affinity_loss
from wsss.losses.displacement import displacement_loss
from wsss.methods import get
from wsss.nn.backbones import build
from wsss.nn.irnet import IrnCamNet, IRNet
from wsss.nn.task import Progress
from wsss.nn.weights import load_state, official_names, read_state
from wsss.ops.affinity import pair_labels
from wsss.ops.boundary_labels import boundary_labels
from wsss.ops.pairs import offsets, pair_indices
from wsss.ops.paths import path, path_affinity, walk_between_boundaries
from wsss.ops.resize import resize_bilinear
from wsss.stages.irn_instances import displacements
from wsss.stages.walk_irn import boundaries

pytestmark = pytest.mark.golden

SCALES = (1.0, 0.5, 1.5, 2.0)
RADIUS, NEAR = 10, 5
"""Radius of the pairs that are learnt, and of those that are walked."""


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


@pytest.mark.parametrize("kind", ["cam", "irn"])
def test_checkpoints_with_all_published_names_are_loaded(kind, ref, tmp_path):
    net = IrnCamNet(build("resnet50"), 20) if kind == "cam" else IRNet(build("resnet50"))
    own = net.state_dict()
    shapes = {official: own[name].shape for official, name in official_names(net).items()}
    names = ref[f"{kind}_state_names"].tolist()
    state = {name: torch.ones(()).expand(shapes.get(name, ())) for name in names}
    torch.save(state, tmp_path / "published.pth")
    load_state(net, read_state(tmp_path / "published.pth"), "published.pth")
    assert all((tensor == 1).all() for tensor in net.state_dict().values())


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


@pytest.mark.parametrize(
    ("image", "cam", "keys", "label"),
    [
        ("mc_image", "mc_high_res", "mc_keys", "ir_label"),
        ("ir2_image", "ir2_cams", "ir2_keys", "ir2_label"),
    ],
)
def test_labels_of_boundaries(image, cam, keys, label, ref):
    kernels = CrfKernel(bilateral_sxy=50, bilateral_srgb=5)
    found = boundary_labels(ref[image], ref[cam], 0.3, 0.05, kernels)
    ids = np.full(256, 255)
    ids[: len(ref[keys]) + 1] = [0, *(ref[keys] + 1)]
    ref.agree(label, ids[found])


def official_order(ref, key, radius):
    """The positions of our pairs in the official order, which is by the length of the path."""
    ours = [tuple(step) for step in offsets(radius)]
    return [ours.index(tuple(step)) for step in ref[key].tolist()]


def test_paths(ref):
    width = 17
    order = official_order(ref, "path5_search_dst", NEAR)
    source, target = pair_indices(14, width, NEAR)
    ref.agree("path5_src", source)
    ref.agree("path5_dst", target[order])
    steps = iter(offsets(NEAR)[i] for i in order)
    for key in ref.starting("path5_"):
        if key[len("path5_") :].isdigit():
            for cells in ref[key]:
                ours = [y * width + x + int(source[0]) for y, x in path(*next(steps))]
                assert sorted(cells[:, 0]) == sorted(ours)
    lengths = [len(path(*step)) for step in offsets(RADIUS)]
    counts = [(lengths.count(n), n) for n in sorted(set(lengths))]
    assert [tuple(row[:2]) for row in ref["path_shapes"].tolist()] == counts


def test_labels_of_pairs(ref):
    order = official_order(ref, "path_search_dst", RADIUS)
    small = np.stack([resize_labels(label, (24, 24)) for label in ref["irn_labels"]])
    ref.agree("irn_reduced_labels", small)
    kinds = pair_labels(torch.from_numpy(small), RADIUS)
    for name, kind in zip(("bg_pos", "fg_pos", "neg"), kinds, strict=True):
        ref.agree(f"irn_aff_{name}_count", kind.sum((1, 2)))
        ref.agree(f"irn_aff_{name}_img0", kind[0, order].byte())


def test_losses_and_gradients(net, ref):
    net.train().zero_grad()
    taps = net.taps(network_input(ref["irn_images"]))
    affinity = path_affinity(net.edges(taps).sigmoid()[:, 0], RADIUS)
    order = official_order(ref, "path_search_dst", RADIUS)
    ref.agree("irn_affinity_img0_sub", affinity[0, order][::4])
    bg, fg, neg = pair_labels(torch.from_numpy(ref["irn_reduced_labels"]), RADIUS)
    losses = affinity_loss(affinity, bg, fg, neg)
    losses |= displacement_loss(net.displacements(taps), bg, fg, RADIUS)
    sum(losses.values()).backward()
    ref.agree("irn_total_loss", sum(losses.values()).item())
    ref.agree("irn_bg_pos_aff_loss", 4 * losses["bg"].item())
    ref.agree("irn_fg_pos_aff_loss", 4 * losses["fg"].item())
    ref.agree("irn_pos_aff_loss", 2 * (losses["bg"] + losses["fg"]).item())
    ref.agree("irn_neg_aff_loss", 2 * losses["neg"].item())
    ref.agree("irn_dp_fg_loss", 2 * losses["dp_fg"].item())
    ref.agree("irn_dp_bg_loss", 2 * losses["dp_bg"].item())
    agree_gradients(ref, net, "irn_gradnorm:")


def test_boundaries_of_an_image(net, ref):
    ref.agree("ed_edge", boundaries(net.eval(), 512, ref["mc_image"], "32-true"))


def test_displacements_of_an_image(net, ref):
    ref.agree("ed_dp", displacements(net.eval(), 512, ref["mc_image"]))


def walk(cam, edge, beta, doublings):
    """Walk as published, radius 5."""
    maps, fences = torch.from_numpy(cam), torch.from_numpy(edge)
    return walk_between_boundaries(maps, fences, NEAR, beta, 2**doublings)


def labels(walked, size, keys):
    """Labels (H, W) of walked maps beside a background of 0.25."""
    full = resize_bilinear(walked[None], tuple(4 * n for n in walked.shape[1:]))[0]
    full = full[:, : size[0], : size[1]].numpy()
    scores = np.concatenate([np.full((1, *full.shape[1:]), 0.25), full / full.max()])
    return np.array([0, *(keys + 1)], np.uint8)[scores.argmax(0)]


def test_walk(ref):
    ref.agree("rw", walk(ref["mc_cam"], ref["ed_edge"], 10, 8))
    ref.agree("prop_b10_t8", walk(ref["prop_cam"], ref["prop_edge"][0], 10, 8))
    ref.agree("prop_b8_t5", walk(ref["prop_cam"], ref["prop_edge"][0], 8, 5))


def test_labels_of_the_walk(ref):
    walked = walk(ref["mc_cam"], ref["ed_edge"], 10, 8)
    ref.agree("sem_seg", labels(walked, ref["mc_image"].shape, ref["mc_keys"]))
    walked = walk(ref["prop_cam_normalized"], ref["prop_edge"][0], 10, 8)
    ref.agree("prop_sem_rw", walked)
    size = ref["prop_image_size"].tolist()
    ref.agree("prop_sem_seg", labels(walked, size, ref["prop_keys"]))
