"""Methods on small backbones, and batches for them."""

import torch

from wsss import methods
from wsss.config.methods import parts
from wsss.nn.backbones import build
from wsss.nn.task import Progress

CLASSES = 3
COMBINATIONS = ("psa+eader", "seam+eader", "aeft+eader", "sb+eader")
EARLY, LATE = Progress(step=0, total=20, epoch=0), Progress(step=19, total=20, epoch=1000)


# small images change more from pixel to pixel than official ones; short trainings have short turns
SMALL = {
    "sb": {"smoothness": 0.1},
    "eader": {"localizer_steps": 2, "adversary_steps": 2},
}


def options(name):
    """Return the options of every part of a method, fit for small images."""
    return {part: methods.get(part).Params(**SMALL.get(part, {})) for part in parts(name)}


def make(name, backbone="tiny"):
    """Return a method with every further backbone it asks for, all of them the same small one."""
    torch.manual_seed(0)
    given = options(name)
    further = {
        f"{part}.{option}": build("tiny", freeze=False)
        for part, params in given.items()
        for option in params.trunks()
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
