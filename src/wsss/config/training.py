"""Configuration of the networks' trunk and of the three trainings."""

import re
from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from wsss.config.section import Count, NonNegative, Positive, Section, Share, ordered

TRUNKS = (
    "resnet38d",
    "resnet18",
    "resnet50",
    "resnet101",
    "resnet101_caffe",
    "vgg16",
    "vgg16_largefov",
    "xception65",
    "mobilenet_v2",
    "tiny",
)
"""The backbones of this project; those of timm bear its name before theirs."""

TIMM = "timm/"
"""What the name of a timm encoder starts with."""


def _known(name: str) -> str:
    if name not in TRUNKS and not re.fullmatch(rf"{TIMM}[A-Za-z0-9_.-]+", name):
        raise ValueError(f"no such backbone; use timm/<encoder> or one of {', '.join(TRUNKS)}")
    return name


class Trunk(Section):
    """A convolutional trunk."""

    name: Annotated[
        str, AfterValidator(_known), Field(json_schema_extra={"examples": list(TRUNKS)})
    ] = "tiny"
    """Architecture; vgg16 is PSA's LargeFOV network, vgg16_largefov EADER's, resnet101_caffe that
    of DeepLab v2; timm/<encoder> takes any convolutional encoder of the library timm."""
    weights: str | None = None
    """Pretrained weights: a file, imagenet (fetched by torchvision or timm), or null for none."""
    output_stride: Literal[8, 16, 32] | None = None
    """Input pixels per feature cell; null = the architecture's own."""


class Backbone(Trunk):
    """The convolutional trunk of a run."""

    freeze: bool = True
    """Hold the first layers and all BatchNorms as PSA does; false = train everything (EADER)."""


class Train(Section):
    """How a network is trained."""

    epochs: Count = 15
    """Passes over the training split."""
    batch_size: Count = 16
    """Images per step."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """sgd as in the official code, or adamw for networks trained from scratch."""
    lr: Positive = 0.01
    """Learning rate of pretrained weights at step 0."""
    head_lr_factor: Positive = 10.0
    """Factor on lr for layers that start from scratch."""
    bias_lr_factor: Positive = 2.0
    """Factor on the learning rate of biases."""
    decay_biases: bool = False
    """Whether biases have the L2 penalty, too."""
    momentum: Share = 0.0005
    """SGD momentum; the official code passes its weight decay here."""
    weight_decay: NonNegative = 0.0005
    """L2 penalty of weights."""
    poly_power: NonNegative = 0.9
    """lr(t) = lr (1 - t / T)^poly_power."""
    crop: Annotated[int, Field(ge=32)] = 448
    """Side of the training crop in pixels."""
    jitter: tuple[Share, Share, Share, Annotated[float, Field(ge=0, le=0.5)]] = (0.3, 0.3, 0.3, 0.1)
    """Strength of the colour jitter: brightness, contrast, saturation, hue."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Arithmetic of the training."""

    @property
    def max_steps(self) -> int | None:
        """Length of the training in steps, instead of epochs."""
        return None

    @property
    def batch_parts(self) -> int:
        """Number of equal parts of a batch over which gradients are accumulated."""
        return 1

    @property
    def lr_interval(self) -> int:
        """Steps between two changes of the learning rate."""
        return 1

    def unread(self) -> Collection[str]:
        """Return what the other optimiser reads."""
        return () if self.optimizer == "sgd" else ("momentum",)


class ClassifierTrain(Train):
    """How the classifier is trained."""

    sampling: Literal["long_side", "area"] = "long_side"
    """long_side = resize to a random long side, then crop; area = crop a random part of the image
    and resize that (EADER)."""
    resize: Annotated[tuple[Count, Count], AfterValidator(ordered)] = (256, 512)
    """Range of the longer image side, drawn per sample (long_side)."""
    area: Annotated[tuple[Share, Share], AfterValidator(ordered)] = (0.08, 1.0)
    """Range of the share of the image that a crop covers (area)."""
    jitter_probability: Share = 1.0
    """Share of the samples whose colours are jittered."""

    def unread(self) -> Collection[str]:
        """Return the range of the other way to sample, too."""
        return (*super().unread(), "area" if self.sampling == "long_side" else "resize")


class AffinityTrain(Train):
    """How AffinityNet is trained."""

    epochs: Count = 8
    """Passes over the training split."""
    batch_size: Count = 8
    """Images per step."""
    crop: Annotated[int, Field(ge=40, multiple_of=8)] = 448
    """Side of the training crop in pixels: whole cells of 8, at least five of them."""
    init: Literal["backbone", "cam"] = "backbone"
    """Start from the backbone's weights, or from the trunk of the trained classifier."""
