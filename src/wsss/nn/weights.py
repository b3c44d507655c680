"""Reading, naming, checking and loading weights."""

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision.models import (
    MobileNet_V2_Weights,
    ResNet50_Weights,
    ResNet101_Weights,
    WeightsEnum,
)

from wsss.errors import UserError
from wsss.nn.backbones import build

_IMAGENET: dict[str, WeightsEnum] = {
    "mobilenet_v2": MobileNet_V2_Weights.IMAGENET1K_V1,
    "resnet50": ResNet50_Weights.IMAGENET1K_V1,
    "resnet101": ResNet101_Weights.IMAGENET1K_V1,
}
_SHOWN = 5


def official_names(module: nn.Module) -> dict[str, str]:
    """Return official state-dict name -> name in ``module``, in state-dict order.

    The published networks inherit from their backbone, so its names carry no prefix:
    ``conv1a.weight`` is our ``backbone.conv1a.weight``. Where the published network holds the
    backbone as a part (DeepLabV3+), its class says so with ``official_prefix = "backbone."``.
    """
    prefix = getattr(module, "official_prefix", "")
    return {
        prefix + name.removeprefix("backbone.") if name.startswith("backbone.") else name: name
        for name in module.state_dict()
    }


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint of tensors; nothing else in it is executed.

    Accepts a bare state dict or one under ``state_dict``, with or without ``module.`` prefixes.

    Raises:
        UserError: If the file is missing, damaged, or holds anything but named tensors.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except pickle.UnpicklingError:
        raise UserError(f"{path}: not a file of plain tensors saved by torch.save") from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path}: damaged or not a PyTorch file ({reason})") from None
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state:
        raise UserError(f"{path}: holds no state dict")
    alien = [key for key, value in state.items() if not isinstance(value, Tensor)]
    if alien:
        raise UserError(f"{path}: not a state dict, {alien[0]!r} is not a tensor")
    return {str(key).removeprefix("module."): value for key, value in state.items()}


def fetch_imagenet(name: str) -> dict[str, Tensor]:
    """Return torchvision's ``IMAGENET1K_V1`` weights of a backbone, from the hub or its cache.

    Raises:
        UserError: If torchvision has none for it, or they can be neither found nor fetched.
    """
    if name not in _IMAGENET:
        raise UserError(
            f"no ImageNet weights to download for backbone {name!r} "
            f"(only for {', '.join(_IMAGENET)}): give a weights file instead"
        )
    weights = _IMAGENET[name]
    try:
        return weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        raise UserError(
            f"cannot fetch {weights.url} ({error}): fetch it elsewhere and give it as weights file"
        ) from None


def backbone_state(name: str, state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Keep what belongs to a backbone; classifiers and other heads are dropped.

    Args:
        name: The backbone's name in the registry.
        state: Weights of the backbone alone or of a network around it (``backbone.`` or
            ``net.backbone.`` before its names).
        source: Where the weights come from, for messages.

    Raises:
        UserError: If a tensor of the backbone is missing.
    """
    with torch.device("meta"):
        wanted = build(name).state_dict()
    bare = {key.removeprefix("net.").removeprefix("backbone."): t for key, t in state.items()}
    missing = _required(wanted) - bare.keys()
    if missing:
        raise UserError(f"{source}: not weights of {name}: {_listed('missing', missing)}")
    return {key: bare[key] for key in wanted if key in bare}


def load_state(
    module: nn.Module, state: Mapping[str, Tensor], source: str, optional: tuple[str, ...] = ()
) -> None:
    """Copy weights into a module, strictly, and change nothing unless all of them fit.

    Args:
        module: Receives the weights.
        state: Tensors under the module's own or the official names.
        source: Where the weights come from, for messages.
        optional: Prefixes of names that may be missing and then keep their values.
            ``num_batches_tracked`` always may: checkpoints before PyTorch 0.4.1 lack it.

    Raises:
        UserError: If tensors are missing, unexpected or of another shape.
    """
    own = module.state_dict()
    ours = official_names(module)
    given = {ours.get(key, key): value for key, value in state.items()}
    required = {key for key in _required(own) if not key.startswith(optional or ("\0",))}
    wrong = {
        f"{key} {tuple(given[key].shape)}, expected {tuple(own[key].shape)}"
        for key in own.keys() & given.keys()
        if own[key].shape != given[key].shape
    }
    problems = {
        "missing": required - given.keys(),
        "unexpected": given.keys() - own.keys(),
        "of another shape": wrong,
    }
    text = "; ".join(_listed(what, keys) for what, keys in problems.items() if keys)
    if text:
        raise UserError(f"{source}: does not fit {type(module).__name__}: {text}")
    module.load_state_dict(given, strict=False)


def _required(names: Iterable[str]) -> set[str]:
    return {name for name in names if not name.endswith("num_batches_tracked")}


def _listed(what: str, keys: Iterable[str]) -> str:
    keys = sorted(keys)
    more = ", ..." if len(keys) > _SHOWN else ""
    return f"{len(keys)} {what} ({', '.join(keys[:_SHOWN])}{more})"
