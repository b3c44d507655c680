"""Backbones by name: images (B, 3, H, W) in, feature taps out."""

from collections.abc import Callable

from wsss.errors import UserError
from wsss.nn.backbones.base import TAPS, Backbone
from wsss.nn.backbones.mobilenet_v2 import MobileNetV2
from wsss.nn.backbones.resnet import ResNet18, ResNet50, ResNet101
from wsss.nn.backbones.resnet38d import ResNet38d
from wsss.nn.backbones.tiny import Tiny
from wsss.nn.backbones.vgg import VGG16, VGG16LargeFOV

_BUILDERS: dict[str, Callable[[int | None], Backbone]] = {
    "mobilenet_v2": MobileNetV2,
    "resnet38d": ResNet38d,
    "resnet18": ResNet18,
    "resnet50": ResNet50,
    "resnet101": ResNet101,
    "tiny": Tiny,
    "vgg16": VGG16,
    "vgg16_largefov": VGG16LargeFOV,
}

NAMES: tuple[str, ...] = tuple(_BUILDERS)
"""Every name that :func:`build` knows."""

__all__ = ["NAMES", "TAPS", "Backbone", "build"]


def build(name: str, output_stride: int | None = None, freeze: bool = True) -> Backbone:
    """Build a backbone with random weights, in training mode.

    Args:
        name: One of :data:`NAMES`.
        output_stride: Pixels per cell of the last tap; ``None`` takes the backbone's default.
        freeze: Hold the layers and BatchNorms that published recipes hold; ``False`` trains all.

    Raises:
        UserError: For an unknown name or a stride that this backbone cannot do.
    """
    if name not in _BUILDERS:
        raise UserError(f"unknown backbone {name!r}: use one of {', '.join(NAMES)}")
    backbone = _BUILDERS[name](output_stride)
    return backbone if freeze else backbone.thaw()
