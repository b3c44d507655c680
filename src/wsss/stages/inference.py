"""Rebuilding of trained networks from checkpoints, and the device of inference."""

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
    """Build the backbone of a trained network, without its weights."""
    backbone = model.meta["backbone"]
    return build(backbone["name"], backbone["output_stride"])


@contextmanager
def checkpoint_errors(path: Path) -> Iterator[None]:
    """Re-raise errors of model construction with the path of the checkpoint.

    Raises:
        UserError: the network that the checkpoint describes cannot be built.
    """
    try:
        yield
    except (UserError, LookupError, TypeError, ValueError, AttributeError) as error:
        reason = str(error).replace("\n", " ")
        raise UserError(
            f"{path}: damaged, or trained with options that this version does not have ({reason}); "
            "train again"
        ) from error


def for_inference(net: Net, threads: int) -> Net:
    """Move `net` to the device of inference, in evaluation mode and without gradients."""
    torch.set_num_threads(max(1, threads))
    torch.backends.cudnn.allow_tf32 = False
    return net.eval().requires_grad_(False).to(device())


@cache
def device() -> torch.device:
    """Device of inference: a GPU reserved for this process, or the CPU if there is no GPU."""
    count = torch.cuda.device_count()
    if count:
        gpus.reserve(count)
    return torch.device("cuda" if count else "cpu")
