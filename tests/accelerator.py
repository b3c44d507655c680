"""An accelerator for machines without one: it computes on the CPU, and refuses to mix with it.

Its tensors say that they are on the device `meta`, for which autograd asks no driver; what they
hold lies in ordinary tensors. It knows what losses and networks use, not all of torch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta")
TAKES_INDICES = ("index", "index_put", "_unsafe_index", "_index_put_impl")
"""What CUDA's kernels take indices for that lie on the CPU."""


class OnDevice(Tensor):
    """A tensor on the accelerator; `held` is what it holds."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "OnDevice":
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        tensor = Tensor._make_wrapper_subclass(
            cls, held.size(), dtype=held.dtype, device=DEVICE, **layout
        )
        tensor.held = held
        return tensor

    def new_tensor(self, data: object) -> "OnDevice":
        return OnDevice(torch.tensor(data, dtype=self.dtype))

    @classmethod
    def __torch_dispatch__(cls, function, types, arguments=(), options=None):
        return _run(function, arguments, options or {})


class _Device(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        return _run(function, arguments, options or {})


@contextmanager
def accelerator() -> Iterator[None]:
    """Let tensors be made on `DEVICE`, and refuse to compute across devices."""

    def autocast(device: str, *arguments: Any, **options: Any) -> object:
        # torch knows none for this device
        known = device != DEVICE.type
        return original(device, *arguments, **options) if known else nullcontext()

    original = torch.autocast
    with mock.patch.object(torch, "autocast", autocast), _Device():
        yield


def put(module: nn.Module) -> nn.Module:
    """Return the module with its parameters and buffers on the accelerator."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        # a network may be part of a module twice
        return module._apply(lambda t: t if isinstance(t, OnDevice) else OnDevice(t.detach()))
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)


def _run(function: Callable, arguments: tuple, options: dict) -> Any:
    inputs = [x for x in tree_flatten((arguments, options))[0] if isinstance(x, Tensor)]
    ours = {id(x.held): x for x in inputs if isinstance(x, OnDevice)}
    _check(function, inputs)
    wrapped = bool(ours)
    if device := options.get("device"):
        wrapped = torch.device(device) == DEVICE
        options = options | {"device": torch.device("cpu")}
    held = tree_map(lambda x: x.held if isinstance(x, OnDevice) else x, (arguments, options))
    results = function(*held[0], **held[1])

    def given(result: object) -> object:
        # what was changed in place stays itself
        if id(result) in ours:
            return ours[id(result)]
        return OnDevice(result) if wrapped and isinstance(result, Tensor) else result

    return tree_map(given, results)


def _check(function: Callable, inputs: list[Tensor]) -> None:
    name = function.__name__.partition(".")[0].rstrip("_")
    # numbers may come from anywhere
    elsewhere = [x for x in inputs if not isinstance(x, OnDevice) and x.dim()]
    mixed = elsewhere and any(isinstance(x, OnDevice) for x in inputs)
    allowed = name == "copy" or (name in TAKES_INDICES and isinstance(inputs[0], OnDevice))
    if mixed and not allowed:
        shapes = [tuple(x.shape) for x in elsewhere]
        raise RuntimeError(f"{function}: tensors on two devices; on the CPU {shapes}")
