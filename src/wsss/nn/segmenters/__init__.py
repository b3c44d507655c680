"""Segmenters by name: images (B, 3, H, W) in, logits (B, L, H, W) out."""

from collections.abc import Callable

from wsss.errors import UserError
from wsss.nn.backbones import Backbone
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.segmenters.deeplab_v1 import DeepLabV1
from wsss.nn.segmenters.deeplab_v2 import DeepLabV2
from wsss.nn.segmenters.deeplab_v3 import DeepLabV3
from wsss.nn.segmenters.deeplab_v3plus import DeepLabV3Plus

_BUILDERS: dict[str, Callable[..., Segmenter]] = {
    "deeplab_v1": DeepLabV1,
    "deeplab_v2": DeepLabV2,
    "deeplab_v3": DeepLabV3,
    "deeplab_v3plus": DeepLabV3Plus,
}

NAMES: tuple[str, ...] = tuple(_BUILDERS)
"""Every name that :func:`build` knows."""

__all__ = ["NAMES", "Segmenter", "build"]


def build(
    name: str, backbone: Backbone, num_labels: int, **options: int | bool | tuple[float, ...]
) -> Segmenter:
    """Build a segmenter with a random head around a backbone.

    Args:
        name: One of :data:`NAMES`.
        backbone: Feature extractor.
        num_labels: Number of labels L, background included.
        **options: Keyword arguments of the segmenter.

    Raises:
        UserError: For an unknown name.
    """
    if name not in _BUILDERS:
        raise UserError(f"unknown segmenter {name!r}: use one of {', '.join(NAMES)}")
    return _BUILDERS[name](backbone, num_labels, **options)
