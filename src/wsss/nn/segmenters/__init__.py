"""Segmenters by name: images (B, 3, H, W) in, logits (B, L, H, W) out."""

from collections.abc import Callable
from functools import partial
from typing import Any

from wsss.config import segmenters as table
from wsss.errors import UserError
from wsss.nn.backbones import Backbone
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.segmenters.deeplab_v1 import DeepLabV1
from wsss.nn.segmenters.deeplab_v2 import DeepLabV2
from wsss.nn.segmenters.deeplab_v3 import DeepLabV3
from wsss.nn.segmenters.deeplab_v3plus import DeepLabV3Plus
from wsss.nn.segmenters.upernet import UPerNet

_BUILDERS: dict[str, Callable[..., Segmenter]] = {
    "deeplab_v1": DeepLabV1,
    "deeplab_v2": DeepLabV2,
    "deeplab_v3": DeepLabV3,
    "deeplab_v3plus": DeepLabV3Plus,
    "upernet": UPerNet,
}

NAMES: tuple[str, ...] = tuple(_BUILDERS)
"""Every name that :func:`build` knows, besides those of optional libraries."""

__all__ = ["NAMES", "Segmenter", "build"]


def build(name: str, backbone: Backbone | None, num_labels: int, **options: Any) -> Segmenter:  # noqa: ANN401
    """Build a segmenter with a random head around a backbone.

    Args:
        name: One of :data:`NAMES`, or ``<library>/<architecture>`` as in
            :data:`wsss.config.segmenters.LIBRARIES`.
        backbone: Feature extractor; ``None`` for a network that brings its own.
        num_labels: Number of labels L, background included.
        **options: Keyword arguments of the segmenter.

    Raises:
        UserError: For an unknown name, a library that is not installed, or wrong options.
    """
    return _builder(name)(backbone, num_labels, **options)


def _builder(name: str) -> Callable[..., Segmenter]:
    if name in _BUILDERS:
        return _BUILDERS[name]
    if name not in table.NAMES:
        raise UserError(f"unknown segmenter {name!r}: use one of {', '.join(table.NAMES)}")
    if advice := table.not_installed(name):
        raise UserError(advice)
    library, _, architecture = name.partition("/")
    if library == "smp":
        from wsss.nn.segmenters.smp import Smp  # only those who want a library wait for its import

        return partial(Smp, architecture)
    from wsss.nn.segmenters.hf import Hf

    return partial(Hf, architecture)
