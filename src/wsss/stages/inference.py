"""What the stages that run a trained network share."""

from functools import cache
from types import SimpleNamespace
from typing import TypeVar

import torch
from torch import nn

from wsss.engine.checkpoint import Model
from wsss.io import gpus
from wsss.nn.backbones import Backbone, build

Net = TypeVar("Net", bound=nn.Module)


def make_backbone(model: Model) -> Backbone:
    """Return the untrained backbone that `model` was made of."""
    meta = SimpleNamespace(**model.meta["backbone"])
    return build(meta.name, meta.output_stride)


def ready(net: Net, threads: int) -> Net:
    """Return `net` on the device of inference, without gradients, in evaluation mode."""
    torch.set_num_threads(max(1, threads))
    torch.backends.cudnn.allow_tf32 = False
    return net.eval().requires_grad_(False).to(device())


@cache
def device() -> torch.device:
    """Return the device of inference: a GPU that no other job holds, if there is any GPU."""
    count = torch.cuda.device_count()
    if count:
        gpus.take(count)
    return torch.device("cuda" if count else "cpu")
