"""Backbones by name: images (B, 3, H, W) in, feature taps out."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from wsss.config.backbones import BACKBONES, CLIP, TIMM, is_vit
from wsss.errors import UserError
from wsss.nn.backbones.base import TAPS, Backbone
from wsss.nn.backbones.mobilenet_v2 import MobileNetV2
from wsss.nn.backbones.resnet import ResNet18, ResNet50, ResNet101
from wsss.nn.backbones.resnet38d import ResNet38d
from wsss.nn.backbones.resnet101_caffe import ResNet101Caffe
from wsss.nn.backbones.tiny import Tiny
from wsss.nn.backbones.vgg import VGG16, VGG16LargeFOV
from wsss.nn.backbones.xception65 import Xception65

Freeze = bool | Literal["all"]
"""Layers that a training holds, see :func:`build`."""

NAMES: tuple[str, ...] = tuple(BACKBONES)
"""Every name that :func:`build` knows, besides those of timm's encoders."""

_BUILDERS: dict[str, Callable[[int | None], Backbone]] = {
    kind.name: kind
    for kind in (
        MobileNetV2,
        ResNet38d,
        ResNet18,
        ResNet50,
        ResNet101,
        ResNet101Caffe,
        Tiny,
        VGG16,
        VGG16LargeFOV,
        Xception65,
    )
}
"""Their classes, imported by name so that the digests of the stages' code contain them."""

__all__ = ["NAMES", "TAPS", "TIMM", "Backbone", "Freeze", "build"]


def build(name: str, output_stride: int | None = None, freeze: Freeze = True) -> Backbone:
    """Build a backbone with random weights, in training mode.

    Args:
        name: One of :data:`NAMES`, or ``timm/`` and the name of one of timm's convolutional
            encoders or vision transformers, or ``clip/`` and that of an image tower.
        output_stride: Pixels per cell of the last tap; ``None`` takes the backbone's default.
        freeze: Hold the layers and BatchNorms that published recipes hold; ``False`` trains all,
            ``"all"`` nothing.

    Raises:
        UserError: For an unknown name or a stride that this backbone cannot do.
    """
    backbone = _builder(name)(output_stride)
    if freeze == "all":
        return backbone.hold()
    return backbone if freeze else backbone.unfreeze()


def _builder(name: str) -> Callable[[int | None], Backbone]:
    # only those who want timm wait for its import
    if is_vit(name):
        from wsss.nn.backbones.vit import Vit

        return partial(Vit, name)
    if name.startswith(TIMM):
        from wsss.nn.backbones.timm import Timm

        return partial(Timm, name)
    if name.startswith(CLIP):
        from wsss.nn.backbones.clip import ClipTower

        return partial(ClipTower, name)
    if name not in _BUILDERS:
        raise UserError(f"unknown backbone {name!r}: use {TIMM}<encoder> or {', '.join(NAMES)}")
    return _BUILDERS[name]
