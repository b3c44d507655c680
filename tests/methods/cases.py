"""Methods on small backbones, and batches for them."""

import torch

from wsss import methods
from wsss.config.methods import method_names, parts
from wsss.config.model import METHODS
from wsss.nn.backbones import build
from wsss.nn.task import Progress

CLASSES = 3
VIT = "timm/test_vit"
TRAINED = tuple(name for name in method_names() if METHODS.params[name].trained)
COMBINATIONS = ("psa+eader", "seam+eader", "aeft+eader", "sb+eader")
EARLY, LATE = Progress(step=0, total=20, epoch=0), Progress(step=19, total=20, epoch=1000)


# small images change more from pixel to pixel than official ones; short trainings have short turns
SMALL = {
    "aeft": {"start": 1, "batch_size": 6},
    "sb": {"smoothness": 0.1},
    "eader": {"localizer_steps": 2, "adversary_steps": 2},
}

NEWCOMER = '''"""Peak: a classifier that pools each map by its maximum."""

from wsss.config.section import MethodParams, Share
from wsss.losses.classification import multilabel_soft_margin
from wsss.methods.base import Method
from wsss.nn.camnet import CamNet


DROPOUT = 0.1


class PeakParams(MethodParams):
    """Hyper-parameters of Peak."""

    dropout: Share = DROPOUT
    """Probability that a channel of the last features is dropped in training."""


class Peak(Method):
    """Max pooling instead of the mean."""

    Params = PeakParams

    def build(self, backbone, num_classes, params):
        return CamNet(backbone, num_classes, params.dropout)

    def logits(self, image):
        maps = self.net.fc8(self.net.dropout7(self.net.backbone(image)["conv6"]))
        return maps.amax((2, 3))

    def forward(self, batch, progress):
        return {"net": {"cls": multilabel_soft_margin(self.logits(batch["image"]), batch["label"])}}

    def cam(self, image):
        return self.net.cam(image)
'''
"""A correct file of a method, in as few lines as it takes."""


def options(name):
    """Return the options of every part of a method, fit for small images."""
    return {part: methods.get(part).Params(**SMALL.get(part, {})) for part in parts(name)}


def fitting(name, backbone):
    """Return a backbone, in its place a small transformer for methods that need one."""
    needs = {params.backbones for params in options(name).values()}
    return VIT if "vit" in needs else backbone


def make(name, backbone="tiny"):
    """Return a method with every further backbone it asks for, all of them the same small one."""
    torch.manual_seed(0)
    given, backbone = options(name), fitting(name, backbone)
    further = {
        f"{part}.{option}": build("tiny", freeze=False)
        for part, params in given.items()
        for option in params.further_backbones()
    }
    return methods.make(name, build(backbone), CLASSES, given, further)


def sample(size=64, repeats=1):
    """Return a batch whose classes differ in colour, with everything that a method may need."""
    label = torch.eye(CLASSES).repeat(repeats, 1)
    image = label[:, :, None, None] + 0.1 * torch.randn(len(label), 3, size, size)
    boundary = (torch.rand(len(label), CLASSES + 1, size, size) > 0.9).byte() * 255
    return {"image": image, "label": label, "boundary": boundary}


def total(losses):
    """Return the sum that the loop minimises."""
    return sum(loss for player in losses.values() for loss in player.values())
