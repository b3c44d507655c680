"""The table of backbones, and the part of the configuration that names one.

A backbone is registered here and nowhere else: its class in `wsss.nn.backbones` bears the same
name. The table is read before torch is imported.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from os.path import isfile
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from wsss.config import licences
from wsss.config.packaged import PACKAGED, PACKAGES, package_of
from wsss.config.section import Section, UserPath
from wsss.errors import UserError

TIMM = "timm/"
"""Prefix of the names of timm's encoders."""

CLIP = "clip/"
"""Prefix of the names of timm's image towers of CLIP with their projections, which are no backbones
of a run."""

IMAGENET = "imagenet"
"""Value of `weights` for those that torchvision or timm fetch."""

_MIX_TRANSFORMER = re.compile(r"\bmit_b[0-5]\b")
"""Encoders of SegFormer, which segmentation-models-pytorch contains."""

_STRIDES_OF_TIMM = (16, 8, 32)
"""Output strides of timm's encoders; each encoder has some of them."""

_VIT = re.compile(
    rf"{TIMM}(aimv2|beit3|deit3?|eva(02)?|flexivit|test_vit\d?|vit(amin)?)"
    r"(_(?!s?relpos)\w+)?(\..+)?"
)
"""Names of timm's vision transformers with patches on a grid of any size."""


def is_vit(name: str) -> bool:
    """Return True for a vision transformer, all of whose feature maps have the grid of its patches.

    Args:
        name: name of a backbone.
    """
    return _VIT.fullmatch(name) is not None


@dataclass(frozen=True)
class BackboneEntry:
    """Properties of a backbone.

    Attributes:
        seconds: output stride -> rough seconds of a CPU core per megapixel of a prediction, which
            the measurements of a forecast are sized by; the keys are the strides that it can have,
            the first one is its default.
        imagenet: class of its ImageNet weights in torchvision; None = a file has to be given.
        differs: difference from torchvision's network of the same name, for messages.
        from_scratch: True if it starts from random weights and has no frozen layers.
        segmenter_only: True if its cells do not tile the image, as AffinityNet's labels do.
    """

    seconds: Mapping[int, float]
    imagenet: str | None = None
    differs: str = ""
    from_scratch: bool = False
    segmenter_only: bool = False

    @property
    def strides(self) -> tuple[int, ...]:
        """Output strides, the default first."""
        return tuple(self.seconds)


BACKBONES: dict[str, BackboneEntry] = {
    "resnet38d": BackboneEntry({8: 37.0}),
    "resnet18": BackboneEntry({32: 1.2}, imagenet="ResNet18_Weights"),
    "resnet50": BackboneEntry({16: 3.2, 32: 2.7, 8: 8.0}, imagenet="ResNet50_Weights"),
    "resnet101": BackboneEntry({16: 5.3, 32: 4.4, 8: 15.0}, imagenet="ResNet101_Weights"),
    "resnet101_caffe": BackboneEntry({8: 16.0}, segmenter_only=True),
    "vgg16": BackboneEntry({8: 10.5}, differs=" with PSA's convolutional fc6 and fc7"),
    "vgg16_largefov": BackboneEntry({8: 9.0}, imagenet="VGG16_Weights"),
    "xception65": BackboneEntry({16: 5.4, 8: 15.0}),
    "mobilenet_v2": BackboneEntry({16: 0.75, 8: 1.5}, imagenet="MobileNet_V2_Weights"),
    "tiny": BackboneEntry({8: 0.37}, from_scratch=True),
}
"""Every backbone of this project; timm's encoders are used by their names there."""


def _known(name: str) -> str:
    if found := _MIX_TRANSFORMER.search(name):
        raise ValueError(
            f"{found[0]} is not used: code and weights have the NVIDIA Source Code License, which "
            "forbids commercial use; take an encoder of timm"
        )
    if name not in BACKBONES and not re.fullmatch(rf"{TIMM}[A-Za-z0-9_.-]+", name):
        known = ", ".join(BACKBONES)
        raise ValueError(f"no such backbone; use timm/<encoder> or one of {known}")
    return name


class BackboneOptions(Section):
    """A backbone and its pretrained weights."""

    name: Annotated[
        str, AfterValidator(_known), Field(json_schema_extra={"examples": list(BACKBONES)})
    ] = "mobilenet_v2"
    """Architecture; vgg16 is PSA's LargeFOV network, vgg16_largefov EADER's, resnet101_caffe that
    of DeepLab v2; timm/<encoder> takes any convolutional encoder or ViT of the library timm."""
    weights: UserPath | None = IMAGENET
    """Pretrained weights: a file, imagenet (fetched by torchvision or timm), packaged (the Python
    package for timm/tf_efficientnet_lite0, 1 or 2), or null for none."""
    output_stride: Literal[8, 16, 32] | None = None
    """Input pixels per feature cell; null = the architecture's own, of a ViT its patch."""

    def weights_file(self) -> str | None:
        """Return the file of the pretrained weights; None if they are fetched, or there are none.

        Raises:
            UserError: they are packaged, and the package is missing.
        """
        if self.weights == PACKAGED:
            return str(package_of(self.name).path())
        return None if self.weights == IMAGENET else self.weights


class RunBackbone(BackboneOptions):
    """The backbone of a run."""

    freeze: bool | Literal["all"] = True
    """Layers that the classifier's training freezes: true = the first ones and all BatchNorms, as
    PSA does; false = none (EADER); all = the whole backbone, so that only the head is trained."""


def problems(path: str, backbone: BackboneOptions, accepted: Collection[str] = ()) -> Iterator[str]:
    """Yield the mistakes in a backbone.

    Args:
        path: its key in the configuration.
        backbone: the backbone.
        accepted: licences that are accepted although they are not open.
    """
    name, weights, stride = backbone.name, backbone.weights, backbone.output_stride
    of_timm = name.startswith((TIMM, CLIP))
    entry = BACKBONES.get(name)
    strides = entry.strides if entry else _STRIDES_OF_TIMM
    downloadable = of_timm or (entry is not None and entry.imagenet is not None)
    # output stride
    if stride is not None and is_vit(name):
        yield f"{path}.output_stride: {name} has that of its patches; leave it null"
    elif stride is not None and stride not in strides:
        can = ", ".join(map(str, sorted(strides)))
        yield f"{path}.output_stride: {name} can do {can} (got {stride})"
    # weights
    if entry is not None and entry.from_scratch:
        if weights is not None:
            rest = "has no pretrained weights; set it to null, or name another"
            yield f"{path}.weights: {name} {rest}"
    elif weights is None:
        ways = {IMAGENET: downloadable, PACKAGED: name in PACKAGES}
        named = " or ".join(["a file", *(way for way, possible in ways.items() if possible)])
        yield f"{path}.weights: {name} needs pretrained weights; name {named}"
    elif weights == IMAGENET and not downloadable:
        differs = entry.differs if entry else ""
        yield f"{path}.weights: torchvision has no {name}{differs}; name a file"
    elif weights == IMAGENET and of_timm:
        licence = licences.of_timm(name.removeprefix(TIMM))
        if refused := licences.refusal(name, licence, accepted):
            yield f"{path}.weights: {refused}"
    else:
        yield from _file_problems(f"{path}.weights", backbone)


def _file_problems(path: str, backbone: BackboneOptions) -> Iterator[str]:
    """Yield the mistake in the file of pretrained weights, if there is one."""
    try:
        file = backbone.weights_file()
    except UserError as error:
        yield f"{path}: {error}"
        return
    if file is not None and not isfile(file):  # noqa: PTH113 Path.is_file fails on some names
        yield f"{path}: no such file: {file}"
