"""EADER against `attention_map_wrapper.py`, `train.py`, `utils.py` and `metrics.py`.

``eval_intersection`` and the other counts come from label maps that may differ in a few pixels
(``eval_pred*`` has a tolerance), they agree exactly on the machines tried.
"""

import numpy as np
import pytest
import torch

from wsss.methods.eader import Eader, EaderParams
from wsss.metrics.confusion import confusion, mean_iou, precision_recall
from wsss.nn.backbones import build
from wsss.nn.task import Progress
from wsss.nn.weights import official_names
from wsss.ops.erase import soft_mask
from wsss.ops.seeds import fixed_seed

pytestmark = pytest.mark.golden

MEAN, STD = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
ARCHS = [("resnet101", "gcam"), ("resnet101", "cam"), ("deeplab_largefov", "gcam")]
BACKBONES = {
    "deeplab_largefov": ("vgg16_largefov", 8),
    "resnet18": ("resnet18", 32),
    "resnet101": ("resnet101", 32),
}
"""Published name -> ours and the output stride."""


def normalised(images):
    """(B, H, W, 3) uint8 to (B, 3, H, W), in float32 throughout."""
    scaled = torch.from_numpy(images).float() / 255
    return ((scaled - MEAN) / STD).permute(0, 3, 1, 2).contiguous()


@pytest.fixture(scope="module")
def ref(golden):
    return golden("eader")


@pytest.fixture(scope="module")
def batch(ref):
    return {"image": normalised(ref["images"]), "label": torch.from_numpy(ref["labels"])}


@pytest.fixture(scope="module")
def make(ref, fill):
    def make(arch, attention, **params):
        trunks = [build(*BACKBONES[arch], freeze=False) for _ in range(2)]
        params = EaderParams(attention=attention, **params)
        parts = {"adversary": trunks[1]}
        eader = Eader(trunks[0], ref["labels"].shape[1], params, parts)
        for player in eader.players().values():
            fill(player, ref["seed"], ref["gain"])
        return eader

    return make


@pytest.mark.parametrize(("arch", "attention"), ARCHS)
@torch.no_grad()
def test_attention(ref, batch, make, arch, attention):
    eader = make(arch, attention).eval()
    features = eader.features(batch["image"])
    seen = eader.attend(batch, features)
    key = f"{arch}_{attention}"
    ref.agree(f"{key}_prob", eader.net.classify(features, ()).sigmoid())
    ref.agree(f"{key}_map", seen.maps[:, 0])
    ref.agree(f"{key}_target", seen.target)
    ref.agree(f"{key}_image_index", seen.image)
    ref.agree(f"{key}_orig_targets", batch["label"][seen.image])


def test_mask(ref):
    values = torch.from_numpy(ref["mask_in"])
    ref.agree("mask_out", soft_mask(values, float(ref["mask_omega"]), float(ref["mask_sigma"])))


@pytest.fixture(scope="module")
def train(ref, make):
    names = ("mask_omega", "mask_sigma", "alpha", "beta")
    params = {name: float(ref[name]) for name in names}
    return lambda: make("resnet18", "gcam", **params).train()


def gradients_agree(ref, prefix, net):
    ours = official_names(net)
    for key in ref.starting(prefix):
        grad = net.get_parameter(ours[key.partition(":")[2]]).grad
        ref.agree(key, grad.double().norm().item())


def test_forward_in_training(ref, batch, train):
    eader = train()
    features = eader.features(batch["image"])
    ref.agree("train_running_mean_bn1", eader.net.backbone.bn1.running_mean)
    ref.agree("train_running_var_bn1", eader.net.backbone.bn1.running_var)
    ref.agree("train_prob", eader.net.classify(features, ()).sigmoid())
    seen = eader.attend(batch, features)
    mask = soft_mask(seen.maps, float(ref["mask_omega"]), float(ref["mask_sigma"]))
    erased = eader.erase(batch, seen)
    ref.agree("train_mask", mask[:, 0, ::2, ::2])
    ref.agree("train_erased", erased[..., ::3, ::3])
    ref.agree("train_adv_prob", eader.score_erased(erased))


def test_localizers_turn(ref, batch, train):
    eader = train()
    losses = eader(batch, Progress(0, 1, 0))["net"]
    loss = sum(losses.values())
    loss.backward()
    ref.agree("train_loss_cls", losses["cls"].item())
    ref.agree("train_loss_am", losses["am"].item() / float(ref["alpha"]))
    ref.agree("train_loss_reg", losses["reg"].item() / float(ref["beta"]))
    ref.agree("train_loss_localizer", loss.item())
    gradients_agree(ref, "train_gradnorm_localizer:", eader.net)


def test_adversarys_turn(ref, batch, train):
    eader = train()
    progress = Progress(eader.params.localizer_steps, eader.params.localizer_steps + 1, 0)
    loss = eader(batch, progress)["adversary"]["adv"]
    loss.backward()
    ref.agree("train_loss_adv", loss.item())
    gradients_agree(ref, "train_gradnorm_adversarial:", eader.adversary)


@torch.no_grad()
def cam_of(eader, image, classes):
    """The maps (K, H, W) of the classes, as they are inferred from one view."""
    size = image.shape[:2]
    return eader.scale_maps(
        eader.infer(normalised(image[None]), size, torch.as_tensor(classes))[0].numpy()
    )


def test_evaluation(ref, make):
    eader = make("resnet101", "gcam").eval()
    size = ref["labels"].shape[1] + 1
    conf = np.zeros((size, size), np.int64)
    for i in (key.removeprefix("eval_image") for key in ref.starting("eval_image")):
        classes = ref[f"eval_targets{i}"]
        assert np.array_equal(classes, ref[f"eval_label{i}"].nonzero()[0])
        cam = cam_of(eader, ref[f"eval_image{i}"], classes)
        pred = fixed_seed(cam, classes, float(ref["eval_threshold"]))
        ref.agree(f"eval_gcam{i}", cam)
        ref.agree(f"eval_pred{i}", pred)
        # exact figures, of the published masks: ours may differ by a pixel on the threshold
        conf += confusion(ref[f"eval_pred{i}"], ref[f"eval_gt{i}"], size)
    hit, true, found = conf.diagonal(), conf.sum(1), conf.sum(0)
    ref.agree("eval_intersection", hit)
    ref.agree("eval_union", true + found - hit)
    ref.agree("eval_gt_pixel_count", np.append(0, true[1:]))
    ref.agree("eval_predicted_pixel_count", np.append(0, found[1:]))
    ref.agree("eval_miou", mean_iou(conf))
    precision, recall = precision_recall(conf)
    ref.agree("eval_precision", precision)
    ref.agree("eval_recall", recall)
