"""What the stages that run a trained network share."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from wsss.engine.checkpoint import Model
from wsss.errors import UserError
from wsss.nn.backbones import Backbone, build
from wsss.system import gpus

Net = TypeVar("Net", bound=nn.Module)


def make_backbone(model: Model) -> Backbone:
    """Return the untrained backbone that `model` was made of."""
    backbone = model.meta["backbone"]
    return build(backbone["name"], backbone["output_stride"])


@contextmanager
def rebuilding(path: Path) -> Iterator[None]:
    """Name the file whose description says what cannot be built.

    Raises:
        UserError: it cannot.
    """
    try:
        yield
    except (UserError, LookupError, TypeError, ValueError, AttributeError) as error:
        reason = str(error).replace("\n", " ")
        raise UserError(
            f"{path}: damaged, or trained with other options than this version has ({reason}); "
            "train again"
        ) from error


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
        gpus.reserve(count)
    return torch.device("cuda" if count else "cpu")
