"""A small residual network for CPUs, demos and tests; trained from scratch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones.base import Backbone


def _conv(cin: int, cout: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel // 2)
    return nn.Conv2d(cin, cout, kernel, stride, padding, dilation, bias=False)


class TinyBlock(nn.Module):
    """Pre-activation residual block (He et al. 2016, identity mappings).

    Args:
        cin: Input channels.
        cout: Output channels.
        stride: Of the first convolution and the projection.
        dilation: Of both 3x3 convolutions.
    """

    def __init__(self, cin: int, cout: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(cin)
        self.conv1 = _conv(cin, cout, 3, stride, dilation)
        self.norm2 = nn.BatchNorm2d(cout)
        self.conv2 = _conv(cout, cout, 3, dilation=dilation)
        self.project = None if cin == cout and stride == 1 else _conv(cin, cout, 1, stride)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (output (B, cout, h', w'), activated input (B, cin, h, w))."""
        a = F.relu(self.norm1(x))
        shortcut = x if self.project is None else self.project(a)
        r = F.relu(self.norm2(self.conv1(a)))
        return shortcut + self.conv2(r), a


class Tiny(Backbone):
    """Five residual blocks, 0.49 M parameters, output stride 8.

    Normalised over the batch: a norm over the single image, such as GroupNorm, levels out the
    very differences between images that the mean over space has to show the classifier. Taps are
    activated block inputs, so no parameter exists for the sake of a tap alone.
    """

    name = "tiny"
    # SB's branch has 128 channels on its finest tap: on stride 2 it would outweigh all the rest
    edge_taps = ("conv3", "conv4", "conv5", "conv6")

    def __init__(self, output_stride: int | None = None) -> None:
        super().__init__()
        self.check_stride(output_stride)
        self.channels = {"conv1": 24, "conv3": 48, "conv4": 64, "conv5": 80, "conv6": 112}
        self.strides = {"conv1": 2, "conv3": 4, "conv4": 8, "conv5": 8, "conv6": 8}
        self.stem = _conv(3, 24, 3, stride=2)
        self.stage1 = TinyBlock(24, 48, stride=2)
        self.stage2 = TinyBlock(48, 64, stride=2)
        self.stage2_1 = TinyBlock(64, 64)
        self.stage3 = TinyBlock(64, 80)
        self.stage4 = TinyBlock(80, 112, dilation=2)
        self.norm = nn.BatchNorm2d(112)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        self.freeze()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            conv1 (B, 24, H/2, W/2), conv3 (B, 48, H/4, W/4), conv4 (B, 64, H/8, W/8),
            conv5 (B, 80, H/8, W/8), conv6 (B, 112, H/8, W/8); sizes are rounded up.
        """
        # a training step takes a fifth less in this layout
        x = x.contiguous(memory_format=torch.channels_last)
        x, conv1 = self.stage1(self.stem(x))
        x, conv3 = self.stage2(x)
        x, _ = self.stage2_1(x)
        x, conv4 = self.stage3(x)
        x, conv5 = self.stage4(x)
        conv6 = F.relu(self.norm(x))
        return {"conv1": conv1, "conv3": conv3, "conv4": conv4, "conv5": conv5, "conv6": conv6}
