"""ResNet-101 of DeepLab v2: MSRA's Caffe network (He et al. 2016) made dense.

Source: ``libs/models/resnet.py`` of kazuto1011/deeplab-pytorch (docs/methods/retrain.md B2). Module
names are the official ones, so the converted Caffe weights load as they are.
"""

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones.base import Backbone
from wsss.nn.backbones.vgg import caffe_input

_STAGES = ((3, 64, 1, 1), (4, 128, 2, 1), (23, 256, 1, 2), (3, 512, 1, 4))
"""Blocks, inner width, stride and dilation of layer2 to layer5."""

_EXPANSION = 4
"""Output channels of a bottleneck per inner channel."""


class ConvBN(nn.Module):
    """Convolution that keeps the size but for its stride, and BatchNorm.

    Args:
        cin: Input channels.
        cout: Output channels.
        kernel: Side of the convolution, odd.
        stride: Of the convolution.
        dilation: Of the convolution.
    """

    def __init__(
        self, cin: int, cout: int, kernel: int, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(cin, cout, kernel, stride, padding, dilation, bias=False)
        self.bn = nn.BatchNorm2d(cout, momentum=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, h, w) to (B, cout, ceil(h / stride), ceil(w / stride))."""
        return self.bn(self.conv(x))


class Bottleneck(nn.Module):
    """1x1, dilated 3x3, 1x1 residual block with the stride in its first convolution.

    Args:
        cin: Input channels.
        mid: Inner channels.
        stride: Of the block.
        dilation: Of the 3x3 convolution.
        project: The shortcut is a 1x1 convolution instead of the identity.
    """

    def __init__(self, cin: int, mid: int, stride: int, dilation: int, project: bool) -> None:
        super().__init__()
        cout = _EXPANSION * mid
        self.reduce = ConvBN(cin, mid, 1, stride)
        self.conv3x3 = ConvBN(mid, mid, 3, dilation=dilation)
        self.increase = ConvBN(mid, cout, 1)
        self.shortcut = ConvBN(cin, cout, 1, stride) if project else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, h, w) to (B, 4 mid, ceil(h / stride), ceil(w / stride))."""
        inner = F.relu(self.conv3x3(F.relu(self.reduce(x), inplace=True)), inplace=True)
        return F.relu(self.increase(inner) + self.shortcut(x), inplace=True)


class ResNet101Caffe(Backbone):
    """ResNet of 3, 4, 23, 3 bottlenecks with dilations, 42.5 M parameters, output stride 8.

    It takes the same normalised RGB images as every backbone and turns them into what the Caffe
    weights expect, BGR from 0 to 255 less the mean. Its pooling rounds up: conv3 has a row more
    than its stride says if H mod 4 is 0 or 3, conv4 to conv6 if H mod 8 is 0 or 7; columns alike.

    All convolutions are trained and BatchNorm is held, as DeepLab v2 does
    (docs/methods/retrain.md B3).
    """

    name = "resnet101_caffe"
    freeze_bn = True

    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential
    layer5: nn.Sequential

    def __init__(self, output_stride: int | None = None) -> None:
        super().__init__()
        self.check_stride(output_stride)
        self.channels = {"conv1": 64, "conv3": 256, "conv4": 512, "conv5": 1024, "conv6": 2048}
        self.strides = {"conv1": 2, "conv3": 4, "conv4": 8, "conv5": 8, "conv6": 8}
        channels = self.channels["conv1"]
        self.layer1 = nn.Sequential()
        self.layer1.add_module("conv1", ConvBN(3, channels, 7, 2))
        for i, (blocks, mid, stride, dilation) in enumerate(_STAGES, 2):
            stage = nn.Sequential()
            for k in range(1, blocks + 1):
                first = k == 1
                block = Bottleneck(channels, mid, stride if first else 1, dilation, project=first)
                stage.add_module(f"block{k}", block)
                channels = _EXPANSION * mid
            self.add_module(f"layer{i}", stage)
        self.freeze()

    def own_names(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return weights without the ``base.`` of networks trained over scales (DeepLab v2)."""
        return {name.removeprefix("base."): value for name, value in state.items()}

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps: the activated stem before its pooling and the output of every stage.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            conv1 (B, 64, H/2, W/2), conv3 (B, 256, H/4, W/4), conv4 (B, 512, H/8, W/8),
            conv5 (B, 1024, H/8, W/8), conv6 (B, 2048, H/8, W/8); sizes are rounded up, see above.
        """
        conv1 = F.relu(self.layer1(caffe_input(x)), inplace=True)
        conv3 = self.layer2(F.max_pool2d(conv1, 3, 2, padding=1, ceil_mode=True))
        conv4 = self.layer3(conv3)
        conv5 = self.layer4(conv4)
        conv6 = self.layer5(conv5)
        return {"conv1": conv1, "conv3": conv3, "conv4": conv4, "conv5": conv5, "conv6": conv6}
