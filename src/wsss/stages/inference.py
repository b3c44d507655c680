"""Rebuilding of trained networks from checkpoints, and the device of inference."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from wsss.config.section import InferPrecision
from wsss.data.views import Scaled, scaled_copies
from wsss.engine.checkpoint import Model
from wsss.engine.precision import has_bfloat16
from wsss.errors import UserError
from wsss.io.images import read_item
from wsss.io.index import Item
from wsss.nn.backbones import Backbone, build
from wsss.ops.finite import NotFiniteError, finite
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


def for_inference(
    net: Net, threads: int, precision: InferPrecision, where: torch.device | None = None
) -> Net:
    """Move `net` to a device, in evaluation mode and without gradients.

    Args:
        net: the network.
        threads: CPU threads of tensor operations, of the whole process.
        precision: arithmetic on GPUs.
        where: the device; None = that of inference.
    """
    where = where or device()
    torch.set_num_threads(max(1, threads))
    torch.backends.cudnn.allow_tf32 = False
    net = net.eval().requires_grad_(False)
    _fold_norms(net)
    net = net.to(where)
    # tensor cores take bfloat16 in this order
    return net.to(memory_format=torch.channels_last) if _halves(where, precision) else net


def _fold_norms(net: nn.Module) -> None:
    """Fold the BatchNorm behind a convolution into its weights, where a sequence shows both."""
    for layers in net.modules():
        if not isinstance(layers, nn.Sequential):
            continue
        for i, (layer, norm) in enumerate(pairwise(layers)):
            # subclasses may do more
            if type(layer) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
                layers[i], layers[i + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()


def arithmetic(where: torch.device, precision: InferPrecision) -> torch.autocast:
    """Return the context in which a network computes on a device."""
    return torch.autocast(where.type, torch.bfloat16, enabled=_halves(where, precision))


def read_scaled(item: Item, scales: Sequence[float], resampling: str) -> Scaled:
    """Read an image of the index for the device of inference, see `scaled_copies`.

    Raises:
        UserError: as `read_item`.
    """
    return scaled_copies(read_item(item), scales, resampling)


def _halves(where: torch.device, precision: InferPrecision) -> bool:
    return precision == "auto" and has_bfloat16(where)


def winners(scores: Tensor) -> np.ndarray:
    """Return the (H, W) uint8 positions of the largest of scores (L, H, W) on any device.

    Raises:
        NotFiniteError: the scores are not finite.
    """
    # faster than argmax on a CPU
    return finite(scores, "scores").max(0).indices.to(torch.uint8).cpu().numpy()


class Watch:
    """Watch of the layers of a network while it computes the scores of the first image.

    A ReLU turns minus infinity into a plausible 0. Weights that are too large do so for every
    image; the scores themselves are checked for each.

    Args:
        net: the network.
    """

    def __init__(self, net: nn.Module) -> None:
        self._net: nn.Module | None = net

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Compute the scores of an image in the block.

        Raises:
            NotFiniteError: a layer gave numbers that are not finite.
        """
        net, self._net = self._net, None
        sums: list[tuple[str, Tensor]] = []
        with ExitStack() as stack:
            for name, layer in net.named_modules() if net else ():
                # layers without weights do not leave the range of their inputs
                if [*layer.parameters(recurse=False)]:
                    stack.enter_context(layer.register_forward_hook(_noted(name, sums)))
            yield
        wrong = next((name for name, total in sums if not total.isfinite()), None)
        if wrong is not None:
            raise NotFiniteError(f"layer {wrong}")


def _noted(name: str, sums: list[tuple[str, Tensor]]) -> Callable[..., None]:
    """Return a hook that notes the sum of a layer's output, finite only if all numbers are."""

    def note(_layer: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            sums.append((name, output.detach().sum()))

    return note


@cache
def device() -> torch.device:
    """Device of inference: a GPU reserved for this process, or the CPU if there is no GPU."""
    count = torch.cuda.device_count()
    if count:
        gpus.reserve(count)
    return torch.device("cuda" if count else "cpu")
