"""Rebuilding of trained networks from checkpoints, and the device of inference."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from wsss.engine.checkpoint import Model
from wsss.errors import UserError
from wsss.nn.backbones import Backbone, build
from wsss.ops.finite import NotFiniteError
from wsss.system import gpus

Net = TypeVar("Net", bound=nn.Module)

_RETRAIN = "train it again, with a lower learning rate"


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


@contextmanager
def finite_scores(
    image: Path | str, source: Path, net: nn.Module | None = None, remedy: str = _RETRAIN
) -> Iterator[None]:
    """Name the image and the source of scores that are not finite, computed in the block.

    Layers are watched, too: a ReLU turns an activation of minus infinity into a plausible 0.

    Args:
        image: the image.
        source: the model, or the record of maps, that the scores come from.
        net: the network whose layers are watched.
        remedy: advice.

    Raises:
        UserError: a layer of `net` gives a number that is not finite, or the block raises
            `NotFiniteError`.
    """
    try:
        with _watched(net) if net else ExitStack():
            yield
    except NotFiniteError as error:
        raise UserError(
            f"{image}: {source} gives numbers for it that are not finite ({error}); {remedy}"
        ) from error


@contextmanager
def _watched(net: nn.Module) -> Iterator[None]:
    """Raise NotFiniteError after a block in which a layer gave numbers that are not finite."""
    sums: list[tuple[str, Tensor]] = []
    with ExitStack() as stack:
        for name, layer in net.named_modules():
            # layers without weights do not leave the range of their inputs
            if [*layer.parameters(recurse=False)]:
                stack.enter_context(layer.register_forward_hook(_noted(name, sums)))
        yield
    # compared at the end: a GPU need not wait for every single layer
    if sums and not torch.stack([total for _, total in sums]).isfinite().all():
        raise NotFiniteError(next(f"layer {name}" for name, total in sums if not total.isfinite()))


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
