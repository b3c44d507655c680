"""Encoders of the library timm (Wightman), by their names there; here the convolutional ones."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

import timm
import torch
import torch.nn.functional as F
from timm.layers.format import Format
from timm.models._features import FeatureInfo
from torch import Tensor, nn

from wsss.config.backbones import CLIP, TIMM
from wsss.errors import UserError
from wsss.nn.backbones.base import TAPS, Backbone
from wsss.ops.colour import MEAN, STD

OWN = "encoder."
"""Prefix of the encoder's weights in a backbone."""

_CELL = 32
"""A side in pixels that every encoder divides evenly, and the stride of most."""


class TimmEncoder(Backbone):
    """A network of timm as a backbone.

    It takes images normalised as usual and normalises them as its own weights expect.

    Args:
        name: ``timm/`` and the name of the encoder, with or without the tag of its weights.
        encoder: The network of this name.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, name: str, encoder: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.encoder = encoder
        colours = cast("dict[str, tuple[float, float, float]]", encoder.pretrained_cfg)
        mean, std = (torch.tensor(colours[key]) for key in ("mean", "std"))
        scale, shift = torch.tensor(STD) / std, (torch.tensor(MEAN) - mean) / std
        self.register_buffer("scale", scale.view(3, 1, 1), persistent=False)
        self.register_buffer("shift", shift.view(3, 1, 1), persistent=False)

    def own_names(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return weights of the whole timm model with the names of its features here.

        Entries beyond timm's model stay recognisable as not belonging to it.
        """
        ours = self.encoder.state_dict()
        whole = whole_model(self.name)
        own = {key: OWN + name for key in whole for name in _wrapped(key) if name in ours}
        parts = {key.partition(".")[0] for key in own}
        alien = {key for key in state if key.partition(".")[0] in parts} - whole.keys()
        own |= {key: OWN + key for key in alien}
        return {own.get(key, key): tensor for key, tensor in state.items()}


class Timm(TimmEncoder):
    """An encoder with features at strides 4, 8, 16 and 32, or dilated instead of the last.

    conv1 is its feature at stride 2; an encoder that starts with stride 4, such as ConvNeXt, has
    that as conv1, too. BatchNorm is held, all else is trained.

    Args:
        name: ``timm/`` and the name of the encoder, with or without the tag of its weights.
        output_stride: 8, 16 or 32; ``None`` = 16, or 32 for encoders that cannot be dilated.

    Raises:
        UserError: For an encoder that timm does not know, that cannot do the output stride, or
            that has other features.
    """

    name = "timm"
    output_strides = (16, 8, 32)
    freeze_bn = True

    def __init__(self, name: str, output_stride: int | None = None) -> None:
        stride, found = self.check_stride(output_stride), known(name)
        encoder = _features(found, stride)
        if encoder is None and output_stride is None:
            stride = _CELL
            encoder = _features(found, stride)
        if encoder is None:
            raise UserError(_why_not(name, stride))
        super().__init__(name, encoder)
        info = _info(encoder)
        self._picked = dict(zip(TAPS, _levels(info.reduction(), stride), strict=True))
        self.channels = {tap: info.channels()[i] for tap, i in self._picked.items()}
        self.strides = {tap: info.reduction()[i] for tap, i in self._picked.items()}
        self._pads = not _as_declared(encoder, list(self._picked.values()), _CELL + 1)
        self.freeze()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            Tap -> (B, channels[tap], ceil(H / strides[tap]), ceil(W / strides[tap])). For an
            encoder that rounds sizes down, the image is padded to a multiple of 32 with its mean.
        """
        h, w = x.shape[2:]
        x = x * self.scale + self.shift
        if self._pads:
            x = F.pad(x, (0, -w % _CELL, 0, -h % _CELL))
        # Depthwise convolutions are several times faster in this layout.
        features = _maps(self.encoder, x.contiguous(memory_format=torch.channels_last))
        taps = {}
        for tap, level in self._picked.items():
            # ONNX rounds the quotient of negative numbers the other way
            rows, columns = ((side + self.strides[tap] - 1) // self.strides[tap] for side in (h, w))
            taps[tap] = features[level][:, :, :rows, :columns]
        return taps


def whole_model(name: str) -> dict[str, Tensor]:
    """Return names and shapes of timm's whole model of ``timm/<encoder>``, as meta tensors."""
    with torch.device("meta"):
        return timm.create_model(known(name)).state_dict()


def published(name: str) -> tuple[str, str]:
    """Return where timm has the weights of an encoder, and their licence by its word.

    The licence is empty where timm states none.
    """
    encoder = known(name)
    config = timm.get_pretrained_cfg(encoder)
    return (config and config.hf_hub_id) or encoder, (config and config.license) or ""


def fetch(name: str) -> dict[str, Tensor]:
    """Return the pretrained weights of an encoder, from their hub or its cache.

    Raises:
        UserError: If timm has none for it, or they can be neither found nor fetched.
    """
    encoder = known(name)
    try:
        return timm.create_model(encoder, pretrained=True).state_dict()
    except Exception as error:  # the clients of the hubs fail in many ways
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise UserError(
            f"cannot fetch timm's weights {published(name)[0]} ({reason}): "
            "fetch them elsewhere and give them as weights file"
        ) from None


def known(name: str) -> str:
    """Return timm's name of an encoder that it has.

    Raises:
        UserError: It has none of this name.
    """
    encoder = name.removeprefix(TIMM).removeprefix(CLIP)
    try:
        if timm.is_model(encoder):
            timm.get_pretrained_cfg(encoder)
            return encoder
    except RuntimeError:  # the tag behind the dot is not known
        pass
    close = get_close_matches(encoder, timm.list_models() + timm.list_pretrained(), 3)
    hint = f"; did you mean {', '.join(TIMM + match for match in close)}?" if close else ""
    raise UserError(f"backbone {TIMM}{encoder}: timm has no such encoder{hint}")


def _features(encoder: str, stride: int) -> nn.Module | None:
    """Return the feature extractor of an encoder, None if it lacks the taps of a backbone."""
    options: dict[str, Any] = {} if stride == _CELL else {"output_stride": stride}
    if encoder.startswith("swin_"):
        options["strict_img_size"] = False
    try:
        net = timm.create_model(encoder, features_only=True, **options)
        levels = _levels(_info(net).reduction(), stride)
    except Exception:  # encoders refuse what they cannot do in many ways
        return None
    return net if _as_declared(net, levels, 2 * _CELL) else None


def _maps(net: nn.Module, x: Tensor) -> list[Tensor]:
    """Compute the features (B, D, h, w), which Swin has with its channels last."""
    found: list[Tensor] = net(x)
    if getattr(net, "output_fmt", None) == Format.NHWC:
        return [features.permute(0, 3, 1, 2) for features in found]
    return found


def _info(net: nn.Module) -> FeatureInfo:
    """Return timm's table of the features of an encoder: their channels and strides."""
    return cast(FeatureInfo, net.feature_info)


def _levels(reductions: list[int], stride: int) -> list[int]:
    """Return the positions of the taps among features of these strides."""
    last = len(reductions) - 1
    deep = list(range(last - 3, last + 1))
    if last < 3 or [reductions[i] for i in deep] != [4, 8, min(16, stride), stride]:
        raise ValueError(f"features of strides {reductions}")
    finest = last - 4 if last > 3 and reductions[last - 4] == 2 else last - 3
    return [finest, *deep]


def _as_declared(net: nn.Module, levels: list[int], side: int) -> bool:
    """True if features of a square image have the declared channels and size, rounded up."""
    info = _info(net)
    try:
        with torch.no_grad():
            features = _maps(net.eval(), torch.zeros(1, 3, side, side))
    except Exception:  # encoders refuse sizes in many ways
        return False
    finally:
        net.train()
    sides = [-(-side // reduction) for reduction in info.reduction()]
    wanted = [(1, channels, n, n) for channels, n in zip(info.channels(), sides, strict=True)]
    return all(tuple(features[i].shape) == wanted[i] for i in levels)


def _why_not(name: str, stride: int) -> str:
    encoder = name.removeprefix(TIMM)
    with torch.device("meta"):
        can = [s for s in sorted(Timm.output_strides) if _features(encoder, s) is not None]
    if can:
        return f"output_stride {stride}: backbone {name} can do {', '.join(map(str, can))}"
    return f"backbone {name}: not an encoder with feature maps of strides 4, 8, 16 and 32"


def _wrapped(key: str) -> tuple[str, ...]:
    """Return the names that an entry of the whole model may have in timm's wrappers."""
    return key, key.replace(".", "_", 1), f"body.{key}", f"model.{key}"
