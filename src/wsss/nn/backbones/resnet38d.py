"""ResNet-38d: Wide-ResNet-38 model A1 (Wu et al. 2016, ademxapp) as PSA made it dense.

Source: ``network/resnet38d.py`` of jiwoon-ahn/psa; docs/methods/common.md 2. Module names are the
official ones, so published checkpoints load as they are.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones.base import Backbone


def _conv(cin: int, cout: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel // 2)
    return nn.Conv2d(cin, cout, kernel, stride, padding, dilation, bias=False)


def _activate(bn: nn.BatchNorm2d, x: Tensor) -> Tensor:
    return F.relu(bn(x), inplace=True)


class ResBlock(nn.Module):
    """Pre-activation block of two 3x3 convolutions.

    The identity shortcut carries the raw input, a projection the activated one
    (docs/methods/common.md 2.1).

    Args:
        cin: Input channels.
        mid: Channels between the two convolutions.
        cout: Output channels.
        stride: Of the first convolution and the projection.
        first_dilation: Of the first convolution.
        dilation: Of the second convolution.
    """

    def __init__(
        self,
        cin: int,
        mid: int,
        cout: int,
        stride: int = 1,
        first_dilation: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.bn_branch2a = nn.BatchNorm2d(cin)
        self.conv_branch2a = _conv(cin, mid, 3, stride, first_dilation)
        self.bn_branch2b1 = nn.BatchNorm2d(mid)
        self.conv_branch2b1 = _conv(mid, cout, 3, dilation=dilation)
        same_shape = cin == cout and stride == 1
        self.conv_branch1 = None if same_shape else _conv(cin, cout, 1, stride)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (output (B, cout, h', w'), activated input (B, cin, h, w))."""
        a = _activate(self.bn_branch2a, x)
        shortcut = x if self.conv_branch1 is None else self.conv_branch1(a)
        r = _activate(self.bn_branch2b1, self.conv_branch2a(a))
        return shortcut + self.conv_branch2b1(r), a


class Bottleneck(nn.Module):
    """Pre-activation 1x1, dilated 3x3, 1x1 block with channel dropout (``ResBlock_bot``).

    Args:
        cin: Input channels.
        cout: Output channels; the inner widths are cout / 4 and cout / 2.
        dilation: Of the 3x3 convolution.
        dropout: Probability of both Dropout2d.
    """

    def __init__(self, cin: int, cout: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.bn_branch2a = nn.BatchNorm2d(cin)
        self.conv_branch2a = _conv(cin, cout // 4, 1)
        self.bn_branch2b1 = nn.BatchNorm2d(cout // 4)
        self.dropout_2b1 = nn.Dropout2d(dropout)
        self.conv_branch2b1 = _conv(cout // 4, cout // 2, 3, dilation=dilation)
        self.bn_branch2b2 = nn.BatchNorm2d(cout // 2)
        self.dropout_2b2 = nn.Dropout2d(dropout)
        self.conv_branch2b2 = _conv(cout // 2, cout, 1)
        self.conv_branch1 = _conv(cin, cout, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (output (B, cout, h, w), activated input (B, cin, h, w))."""
        a = _activate(self.bn_branch2a, x)
        r = _activate(self.bn_branch2b1, self.conv_branch2a(a))
        r = _activate(self.bn_branch2b2, self.conv_branch2b1(self.dropout_2b1(r)))
        return self.conv_branch1(a) + self.conv_branch2b2(self.dropout_2b2(r)), a


class ResNet38d(Backbone):
    """Wide ResNet-38 with dilations, 105 M parameters, output stride 8.

    Source: docs/methods/common.md 2.2.

    conv1a and b2* are never trained and BatchNorm is held, as in the ResNet-38 heads of
    PSA, SEAM and SB (docs/methods/common.md 2.3).
    """

    name = "resnet38d"
    frozen = ("conv1a", "b2", "b2_1", "b2_2")
    freeze_bn = True
    edge_taps = ("conv1", "conv3", "conv5", "b7")

    def __init__(self, output_stride: int | None = None) -> None:
        super().__init__()
        self.check_stride(output_stride)
        self.channels = {"conv1": 64, "conv3": 256, "conv4": 512, "conv5": 1024}
        self.channels |= {"b7": 2048, "conv6": 4096}
        self.strides = {"conv1": 1, "conv3": 4, "conv4": 8, "conv5": 8, "b7": 8, "conv6": 8}
        self.conv1a = _conv(3, 64, 3)
        self._stage("b2", (64, 128, 128), stride=2, repeats=2)
        self._stage("b3", (128, 256, 256), stride=2, repeats=2)
        self._stage("b4", (256, 512, 512), stride=2, repeats=5)
        self._stage("b5", (512, 512, 1024), stride=1, repeats=2, dilation=2)
        self.b6 = Bottleneck(1024, 2048, dilation=4, dropout=0.3)
        self.b7 = Bottleneck(2048, 4096, dilation=4, dropout=0.5)
        self.bn7 = nn.BatchNorm2d(4096)
        self.freeze()

    def _stage(
        self, name: str, widths: tuple[int, int, int], stride: int, repeats: int, dilation: int = 1
    ) -> None:
        cin, mid, cout = widths
        self.add_module(name, ResBlock(cin, mid, cout, stride, 1, dilation))
        for i in range(1, repeats + 1):
            self.add_module(f"{name}_{i}", ResBlock(cout, mid, cout, 1, dilation, dilation))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps; each is the activated input of the block that follows it.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            conv1 (B, 64, H, W), conv3 (B, 256, H/4, W/4), conv4 (B, 512, H/8, W/8),
            conv5 (B, 1024, H/8, W/8), b7 (B, 2048, H/8, W/8), conv6 (B, 4096, H/8, W/8);
            sizes are rounded up.
        """
        taps = {}
        tap_of = {"b2": "conv1", "b4": "conv3", "b5": "conv4", "b6": "conv5", "b7": "b7"}
        for name, block in self.named_children():
            if name == "conv1a":
                x = block(x)
            elif name == "bn7":
                taps["conv6"] = _activate(self.bn7, x)
            else:
                x, activated = block(x)
                if name in tap_of:
                    taps[tap_of[name]] = activated
        return taps
