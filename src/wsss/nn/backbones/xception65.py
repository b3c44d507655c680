"""Aligned Xception with 65 layers (Chen et al., ECCV 2018) with the names of jfzhang95's port.

Source: ``modeling/backbone/xception.py`` of jfzhang95/pytorch-deeplab-xception
(docs/methods/retrain.md C3, C7). Unlike TensorFlow's, it has a BatchNorm between depthwise and
pointwise convolutions.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones.base import Backbone

_MIDDLE = range(4, 20)
"""Numbers of the blocks of the middle flow."""


class SeparableConv(nn.Module):
    """Depthwise 3x3 convolution, BatchNorm, pointwise convolution.

    Args:
        cin: Input channels.
        cout: Output channels.
        stride: Of the depthwise convolution.
        dilation: Of the depthwise convolution.
    """

    def __init__(self, cin: int, cout: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            cin, cin, 3, stride, padding=dilation, dilation=dilation, groups=cin, bias=False
        )
        self.bn = nn.BatchNorm2d(cin)
        self.pointwise = nn.Conv2d(cin, cout, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, H, W) to (B, cout, h, w)."""
        return self.pointwise(self.bn(self.conv1(x)))


class Block(nn.Module):
    """Three separable convolutions beside a shortcut.

    Args:
        cin: Input channels.
        mid: Channels behind the first convolution.
        cout: Output channels.
        stride: Of the last convolution and the shortcut.
        dilations: Of the three convolutions.
        relu_first: Rectify the input, the shortcut's, too: the published ReLU works in place
            (docs/methods/retrain.md C7.6).
    """

    def __init__(
        self,
        cin: int,
        mid: int,
        cout: int,
        stride: int = 1,
        dilations: tuple[int, int, int] = (1, 1, 1),
        relu_first: bool = True,
    ) -> None:
        super().__init__()
        self.relu_first = relu_first
        # the first ReLU is in `forward`; its place keeps the official numbers of the others
        layers: list[nn.Module] = [nn.Identity()] if relu_first else []
        widths = (cin, mid, cout, cout)
        for i, dilation in enumerate(dilations):
            if i > 0:
                layers.append(nn.ReLU(inplace=True))
            own = stride if i == 2 else 1
            layers.append(SeparableConv(widths[i], widths[i + 1], own, dilation))
            layers.append(nn.BatchNorm2d(widths[i + 1]))
        self.rep = nn.Sequential(*layers)
        same_shape = cin == cout and stride == 1
        self.skip = None if same_shape else nn.Conv2d(cin, cout, 1, stride, bias=False)
        self.skipbn = None if same_shape else nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, H, W) to (B, cout, h, w)."""
        if self.relu_first:
            x = F.relu(x)
        shortcut = x
        if self.skip is not None and self.skipbn is not None:
            shortcut = self.skipbn(self.skip(x))
        return self.rep(x) + shortcut


class Xception65(Backbone):
    """Aligned Xception, 38 M parameters; a stride beyond ``output_stride`` becomes a dilation.

    The two first convolutions and block1 are never trained and BatchNorm is held.
    """

    name = "xception65"
    output_strides = (16, 8)
    frozen = ("conv1", "bn1", "conv2", "bn2", "block1")
    freeze_bn = True

    def __init__(self, output_stride: int | None = None) -> None:
        super().__init__()
        stride = self.check_stride(output_stride)
        self.channels = {"conv1": 64, "conv3": 128, "conv4": 256, "conv5": 728, "conv6": 2048}
        self.strides = {"conv1": 2, "conv3": 4, "conv4": 8, "conv5": stride, "conv6": stride}
        rate = 16 // stride
        self.conv1 = nn.Conv2d(3, 32, 3, 2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.block1 = Block(64, 128, 128, stride=2, relu_first=False)
        self.block2 = Block(128, 256, 256, stride=2, relu_first=False)
        self.block3 = Block(256, 728, 728, stride=stride // 8)
        for i in _MIDDLE:
            self.add_module(f"block{i}", Block(728, 728, 728, dilations=(rate, rate, rate)))
        self.block20 = Block(728, 728, 1024, dilations=(rate, rate, 1))
        self.conv3 = SeparableConv(1024, 1536, dilation=2 * rate)
        self.bn3 = nn.BatchNorm2d(1536)
        self.conv4 = SeparableConv(1536, 1536, dilation=2 * rate)
        self.bn4 = nn.BatchNorm2d(1536)
        self.conv5 = SeparableConv(1536, 2048, dilation=2 * rate)
        self.bn5 = nn.BatchNorm2d(2048)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # as the published code, whose variance is 2 / (kernel area x output channels)
                nn.init.normal_(module.weight, 0, math.sqrt(2 / module.weight[:, 0].numel()))
        self.freeze()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps, all of them rectified.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            conv1 (B, 64, H/2, W/2) before block1, conv3 (B, 128, H/4, W/4) behind block1, conv4
            (B, 256, H/8, W/8) behind block2, conv5 (B, 728, ..) behind the middle flow, conv6
            (B, 2048, ..); sizes follow ``strides``, rounded up.
        """
        # Depthwise convolutions are several times faster in this layout.
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        conv1 = F.relu(self.bn2(self.conv2(x)), inplace=True)
        conv3 = F.relu(self.block1(conv1))
        conv4 = F.relu(self.block2(conv3))
        x = self.block3(conv4)
        for i in _MIDDLE:
            x = self.get_submodule(f"block{i}")(x)
        conv5 = F.relu(x)
        x = F.relu(self.block20(conv5))
        for i in (3, 4, 5):
            conv, norm = self.get_submodule(f"conv{i}"), self.get_submodule(f"bn{i}")
            x = F.relu(norm(conv(x)), inplace=True)
        return {"conv1": conv1, "conv3": conv3, "conv4": conv4, "conv5": conv5, "conv6": x}
