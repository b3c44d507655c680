"""What the backbones can do, so that the driver can tell before torch is imported."""

from collections.abc import Iterator
from os.path import isfile

from wsss.config.training import TIMM, Trunk

STRIDES: dict[str, tuple[int, ...]] = {
    "mobilenet_v2": (16, 8),
    "resnet38d": (8,),
    "resnet18": (32,),
    "resnet50": (16, 32, 8),
    "resnet101": (16, 32, 8),
    "resnet101_caffe": (8,),
    "tiny": (8,),
    "vgg16": (8,),
    "vgg16_largefov": (8,),
    "xception65": (16, 8),
}
"""Output strides of every backbone of this project."""

_OF_TIMM = (16, 8, 32)
"""Output strides that a timm encoder may have; which of them it can do, only timm knows."""

FROM_SCRATCH = ("tiny",)
"""Backbones that start from random weights; the others keep layers and BatchNorm frozen."""

SEGMENTERS_OWN = ("resnet101_caffe",)
"""Backbones whose cells do not tile the image, as the labels of AffinityNet do."""

IMAGENET = ("mobilenet_v2", "resnet18", "resnet50", "resnet101", "vgg16_largefov")
"""Backbones whose ImageNet weights torchvision fetches; timm does it for its own."""

_UNLIKE = {"vgg16": " with PSA's convolutional fc6 and fc7"}
"""How a backbone differs from torchvision's of the same name."""


def problems(path: str, backbone: Trunk) -> Iterator[str]:
    """Yield what is wrong with the backbone that stands at `path` of the configuration."""
    name, weights, stride = backbone.name, backbone.weights, backbone.output_stride
    of_timm = name.startswith(TIMM)
    fetched = of_timm or name in IMAGENET
    strides = _OF_TIMM if of_timm else STRIDES[name]
    if stride is not None and stride not in strides:
        can = ", ".join(map(str, sorted(strides)))
        yield f"{path}.output_stride: {name} can do {can} (got {stride})"
    if name in FROM_SCRATCH:
        if weights is not None:
            yield f"{path}.weights: {name} has no pretrained weights; set it to null"
    elif weights is None:
        way = "name a file or imagenet" if fetched else "name a file"
        yield f"{path}.weights: {name} needs pretrained weights; {way}"
    elif weights == "imagenet" and not fetched:
        unlike = _UNLIKE.get(name, "")
        yield f"{path}.weights: torchvision has no {name}{unlike}; name a file"
    elif weights != "imagenet" and not isfile(weights):  # noqa: PTH113
        yield f"{path}.weights: no such file: {weights}"
