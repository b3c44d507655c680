"""Reading, naming, checking and loading weights."""

import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.serialization import safe_globals

from wsss.config.backbones import CLIP, TIMM
from wsss.errors import UserError, first_of
from wsss.files import regular
from wsss.nn.backbones import build
from wsss.nn.integrity import check_sums, not_finite
from wsss.nn.mxnet import MAGIC, read_params, torch_name
from wsss.nn.wrappers import bare_names, unwrapped

_ZIP = b"PK\x03\x04"
_REFUSED = re.compile(r"(?:GLOBAL|class) ([\w.]+)")
"""Name of a class in the error of PyTorch's restricted unpickler."""
_SCALAR = cast("Callable[..., Any]", np.float64(0).__reduce__()[0])
_NUMBERS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f4", "f8", "i8")),
]
"""Types of NumPy numbers, which many checkpoints hold as their best result."""

_IRN = "resnet50."
_IRN_HEADS = ("fc_edge", "fc_dp", "mean_shift")
_OUTER = re.compile(r"^(net\.)?(backbone\.|encoder\.|encoder_q\.)?")
"""Attributes of networks around a backbone, ours and those of self-supervised trainings."""

COUNTER = "num_batches_tracked"
"""Counter of a BatchNorm, which nothing here reads and old checkpoints lack."""

_SHOWN = 5


def official_names(module: nn.Module) -> dict[str, str]:
    """Return official state-dict name -> name in ``module``, in state-dict order.

    The published networks inherit from their backbone, so its names carry no prefix:
    ``conv1a.weight`` is our ``backbone.conv1a.weight``. Where the published network has other
    names, the class says so with a method ``official_name``.
    """
    official = getattr(module, "official_name", _without_backbone)
    return {official(name): name for name in module.state_dict()}


def _without_backbone(name: str) -> str:
    return name.removeprefix("backbone.")


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint of tensors; nothing else in it is executed.

    Accepts a state dict, bare or in what trainings put around it (:mod:`wsss.nn.wrappers`); IRN's
    state dict, which holds every tensor thrice (``net/resnet50_cam.py``); an MXNet ``.params``
    file (docs/methods/common.md 2.6); and a ``.safetensors`` file.

    Returns:
        Tensors under the names of PSA and torchvision. IRN's classifier is ``fc8``.

    Raises:
        UserError: If the file is missing, damaged, or holds anything but named tensors of finite
            numbers.
    """
    try:
        content = _content(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except pickle.UnpicklingError as error:
        raise UserError(f"{path}: {_refusal(str(error))}") from None
    except UserError:
        raise
    except Exception as error:  # the unpickler stumbles over damage in many ways
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path}: damaged or not a file of weights ({reason})") from None
    found = unwrapped(content)
    if found is None:
        held = f"; it holds {first_of([*map(str, content)])}" if isinstance(content, dict) else ""
        raise UserError(f"{path}: holds no state dict{held}")
    state = {str(key): value for key, value in found.items() if isinstance(value, Tensor)}
    alien = [key for key, value in found.items() if not isinstance(value, Tensor)]
    if alien:
        raise UserError(f"{path}: not a state dict, {alien[0]!r} is not a tensor")
    if name := not_finite(state):
        raise UserError(f"{path}: {name} in it is not finite; get the file again")
    return _plain_names(bare_names(state))


def _refusal(error: str) -> str:
    """Describe an error of PyTorch's restricted unpickler."""
    if refused := _REFUSED.search(error):
        return (
            f"holds an object of {refused[1]} beside tensors, which is not loaded, as that can "
            "execute code; where you trust the file, load it with torch.load(..., "
            "weights_only=False) and save its state dict alone"
        )
    return "not a file of plain tensors saved by torch.save"


def _content(path: Path) -> object:
    """Return the content of a weight file of any format."""
    regular(path)
    if path.suffix == ".safetensors":
        return load_file(path)
    with path.open("rb") as file:
        start = file.read(len(MAGIC))
    if start == MAGIC:
        return _from_mxnet(path)
    if start.startswith(_ZIP):
        check_sums(path)
    with safe_globals(_NUMBERS):
        return torch.load(path, map_location="cpu", weights_only=True)


def _plain_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drop the repetitions of IRN's networks, which keep their backbone under ``resnet50.``."""
    backbone = {key.removeprefix(_IRN): t for key, t in state.items() if key.startswith(_IRN)}
    if not backbone:
        return state
    # one of two names of the mean
    own = {
        key: t for key, t in state.items() if key.startswith(_IRN_HEADS) and "fc_dp7.4" not in key
    }
    if "classifier.weight" in state:
        own["fc8.weight"] = state["classifier.weight"]
    return backbone | own


def _from_mxnet(path: Path) -> dict[str, Tensor]:
    named = {
        known: torch.from_numpy(array)
        for name, array in read_params(path).items()
        if (known := torch_name(name)) is not None
    }
    if not named:
        raise UserError(f"{path}: an MXNet file, but not of ResNet-38")
    return named


def backbone_state(name: str, state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Keep the weights of a backbone; classifiers and other heads are dropped.

    Args:
        name: The backbone's name in the registry.
        state: Weights of the backbone alone or of a network around it (``backbone.``,
            ``net.backbone.`` or ``encoder.`` before its names), under its own or its library's
            names.
        source: Where the weights come from, for messages.

    Raises:
        UserError: If a tensor of the backbone is missing or of another shape, or its layers have
            further ones: then it is another architecture, such as a deeper ResNet.
    """
    with torch.device("meta"):
        backbone = build(name)
    wanted = backbone.state_dict()
    bare = {key if key in wanted else _OUTER.sub("", key): t for key, t in state.items()}
    bare = backbone.own_names(bare)
    layers = tuple({f"{key.partition('.')[0]}." for key in wanted})
    of_layers = {key: t for key, t in bare.items() if key.startswith(layers)}
    text = _misfits(wanted, of_layers, held=state)
    if text:
        # image towers are options of one method; backbones have the key of their place
        key = " in cam.clip_es.tower.name" if name.startswith(CLIP) else ""
        raise UserError(
            f"{source}: not weights of {name.replace(CLIP, TIMM)}: {text}; name the architecture "
            f"that they are of{key}"
        )
    return {key: bare[key] for key in wanted if key in bare}


def load_state(
    module: nn.Module, state: Mapping[str, Tensor], source: str, optional: tuple[str, ...] = ()
) -> None:
    """Copy weights into a module, strictly, and change nothing unless all of them fit.

    Args:
        module: Receives the weights.
        state: Tensors under the module's own or the official names, or under its own without
            the prefix of the backbone. What a class calls ``unused``, by the prefix of its name,
            is left out.
        source: Where the weights come from, for messages.
        optional: Prefixes of names that may be missing and then keep their values.
            ``num_batches_tracked`` always may: checkpoints before PyTorch 0.4.1 lack it.

    Raises:
        UserError: If tensors are missing, unexpected or of another shape.
    """
    module.load_state_dict(fitting(module, state, source, optional), strict=False)


def fitting(
    module: nn.Module, state: Mapping[str, Tensor], source: str, optional: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """Return weights under the module's own names, as `load_state` copies them.

    The module may be on the device `meta`.

    Raises:
        UserError: If tensors are missing, unexpected or of another shape.
    """
    own = module.state_dict()
    ours = {_without_backbone(name): name for name in own} | official_names(module)
    unused = getattr(module, "unused", ())
    given = {ours.get(key, key): t for key, t in state.items() if not key.startswith(unused)}
    text = _misfits(own, given, optional, held=state)
    if text:
        raise UserError(f"{source}: does not fit {type(module).__name__}: {text}")
    return given


def _misfits(
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    optional: tuple[str, ...] = (),
    *,
    held: Iterable[str],
) -> str:
    """Describe missing, unexpected and misshapen tensors; empty if all of `given` fits.

    `held` are the names as they are in the file, whose first are shown beside missing ones.
    """
    wrong = {
        f"{key} {tuple(given[key].shape)}, expected {tuple(own[key].shape)}"
        for key in own.keys() & given.keys()
        if own[key].shape != given[key].shape
    }
    may_lack = {key for key in own if key.endswith(COUNTER)}
    may_lack |= {key for key in own if key.startswith(optional)}
    problems = {
        "missing": own.keys() - given.keys() - may_lack,
        "unexpected": given.keys() - own.keys(),
        "of another shape": wrong,
    }
    found = [_listed(what, keys) for what, keys in problems.items() if keys]
    if problems["missing"]:
        found.append(f"the names in the file start with {first_of(list(held))}")
    return "; ".join(found)


def _listed(what: str, keys: Iterable[str]) -> str:
    keys = sorted(keys)
    more = ", ..." if len(keys) > _SHOWN else ""
    return f"{len(keys)} {what} ({', '.join(keys[:_SHOWN])}{more})"
