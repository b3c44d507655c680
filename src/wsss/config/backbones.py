"""What the backbones can do, so that the driver can tell before torch is imported."""

from collections.abc import Iterator
from pathlib import Path

from wsss.config.training import Backbone

STRIDES: dict[str, tuple[int, ...]] = {
    "mobilenet_v2": (16, 8),
    "resnet38d": (8,),
    "resnet50": (16, 32, 8),
    "resnet101": (16, 32, 8),
    "tiny": (8,),
}
"""Output strides of every backbone."""

FROM_SCRATCH = ("tiny",)
"""Backbones that start from random weights; the others keep layers and BatchNorm frozen."""

IMAGENET = ("mobilenet_v2", "resnet50", "resnet101")
"""Backbones whose ImageNet weights torchvision fetches."""


def problems(path: str, backbone: Backbone) -> Iterator[str]:
    """Yield what is wrong with the backbone that stands at `path` of the configuration."""
    name, weights, stride = backbone.name, backbone.weights, backbone.output_stride
    if stride is not None and stride not in STRIDES[name]:
        can = ", ".join(map(str, sorted(STRIDES[name])))
        yield f"{path}.output_stride: {name} can do {can} (got {stride})"
    if name in FROM_SCRATCH:
        if weights is not None:
            yield f"{path}.weights: {name} has no pretrained weights; set it to null"
    elif weights is None:
        yield f"{path}.weights: {name} needs pretrained weights; name a file or imagenet"
    elif weights == "imagenet" and name not in IMAGENET:
        yield f"{path}.weights: torchvision has no {name}; name a file"
    elif weights != "imagenet" and not Path(weights).is_file():
        yield f"{path}.weights: no such file: {weights}"
