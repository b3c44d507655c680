"""VGG-16 (Simonyan & Zisserman 2015) made dense, as PSA and as EADER use it.

Both have 3x3 poolings with padding 1, of which the fourth keeps the grid, and a dilated fifth
stage: output stride 8. Source: ``network/vgg16d.py`` of jiwoon-ahn/psa (docs/methods/psa.md 2.1)
and ``models/deeplab_largefov.py`` of ErikStammes/EADER (docs/methods/eader.md 4.2).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones.base import Backbone
from wsss.ops.colour import CAFFE_MEAN, MEAN, STD

_STAGES = ((64, 2, 1), (128, 2, 1), (256, 3, 1), (512, 3, 1), (512, 3, 2))
"""Channels, convolutions and dilation of the stages."""

_POOL_STRIDES = (2, 2, 2, 1, 1)
"""Of the poolings behind the stages."""


def caffe_input(x: Tensor) -> Tensor:
    """Convert images from ImageNet's normalisation to the input of Caffe's VGG-16.

    Args:
        x: (B, 3, H, W) normalised RGB.

    Returns:
        (B, 3, H, W) BGR grey levels less their mean, about -123 to 151.
    """
    # in float32 the rounding of both normalisations would show in the gradients of AffinityNet
    planes = zip(x.double().unbind(1), MEAN, STD, CAFFE_MEAN, strict=True)
    rgb = [255 * (plane * std + mean) - caffe for plane, mean, std, caffe in planes]
    return torch.stack(rgb[::-1], 1).to(x.dtype)


class VGG16(Backbone):
    """PSA's LargeFOV VGG-16 with its fully connected layers as convolutions, 20 M parameters.

    It takes the same normalised RGB images as every backbone and turns them into what the Caffe
    weights expect, BGR from 0 to 255 less the mean. Only padding differs from the official code:
    its zeros are the mean colour of the other normalisation, at most one grey level off.

    conv1_* and conv2_* are never trained. AffinityNet dilates fc6 by 4 and has GroupNorm.
    """

    name = "vgg16"
    frozen = ("conv1_1", "conv1_2", "conv2_1", "conv2_2")
    sqrt_cam = True
    affinity_groups = (8, 16, 32)

    def __init__(self, output_stride: int | None = None) -> None:
        super().__init__()
        self.check_stride(output_stride)
        self.channels = {"conv1": 64, "conv3": 256, "conv4": 512, "conv5": 512, "conv6": 1024}
        self.strides = {"conv1": 1, "conv3": 4, "conv4": 8, "conv5": 8, "conv6": 8}
        channels = 3
        for stage, (width, repeats, rate) in enumerate(_STAGES, 1):
            for i in range(1, repeats + 1):
                conv = nn.Conv2d(channels, width, 3, padding=rate, dilation=rate)
                self.add_module(f"conv{stage}_{i}", conv)
                channels = width
        self.fc6 = nn.Conv2d(512, 1024, 3, padding=1)
        self.drop6 = nn.Dropout2d(0.5)
        self.fc7 = nn.Conv2d(1024, 1024, 1)
        self.freeze()

    def for_affinity(self) -> None:
        """Dilate fc6 by 4 (``network/vgg16_aff.py``)."""
        self.fc6.dilation = self.fc6.padding = (4, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps; conv1 to conv5 are the last outputs of their stages.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            conv1 (B, 64, H, W), conv3 (B, 256, H/4, W/4), conv4 and conv5 (B, 512, H/8, W/8),
            conv6 = relu(fc7) (B, 1024, H/8, W/8); sizes are rounded up.
        """
        x = caffe_input(x)
        taps = {}
        for stage, (_, repeats, _) in enumerate(_STAGES, 1):
            for i in range(1, repeats + 1):
                x = F.relu(self.get_submodule(f"conv{stage}_{i}")(x), inplace=True)
            taps[f"conv{stage}"] = x
            if stage < 5:
                x = F.max_pool2d(x, 3, _POOL_STRIDES[stage - 1], padding=1)
        x = self.drop6(F.relu(self.fc6(x), inplace=True))
        taps["conv6"] = F.relu(self.fc7(x), inplace=True)
        return {tap: taps[tap] for tap in self.channels}


class VGG16LargeFOV(Backbone):
    """The backbone of EADER's ``deeplab_largefov``, 14.7 M parameters.

    Its names are those of torchvision's VGG-16, whose ImageNet weights fit. The first two stages
    are never trained, as in PSA's VGG-16; EADER itself trains everything (``freeze=False``).
    """

    name = "vgg16_largefov"
    frozen = ("features.0", "features.2", "features.5", "features.7")

    def __init__(self, output_stride: int | None = None) -> None:
        super().__init__()
        self.check_stride(output_stride)
        self.channels = {"conv1": 64, "conv3": 256, "conv4": 512, "conv5": 512, "conv6": 512}
        self.strides = {"conv1": 1, "conv3": 4, "conv4": 8, "conv5": 8, "conv6": 8}
        layers: list[nn.Module] = []
        channels = 3
        for (width, repeats, rate), stride in zip(_STAGES, _POOL_STRIDES, strict=True):
            for _ in range(repeats):
                conv = nn.Conv2d(channels, width, 3, padding=rate, dilation=rate)
                layers += [conv, nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(3, stride, padding=1))
        self.features = nn.Sequential(*layers)
        self.freeze()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps; conv1 to conv5 are the last outputs of their stages.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            conv1 (B, 64, H, W), conv3 (B, 256, H/4, W/4), conv4 and conv5 (B, 512, H/8, W/8),
            conv6 (B, 512, H/8, W/8), behind the last pooling; sizes are rounded up.
        """
        taps, stage = {}, 1
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                taps[f"conv{stage}"] = x
                stage += 1
            x = layer(x)
        taps["conv6"] = x
        return {tap: taps[tap] for tap in self.channels}
