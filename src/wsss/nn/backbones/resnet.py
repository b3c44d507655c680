"""ResNet-18, -50 and -101 (He et al. 2016) on torchvision's modules and names."""

from typing import ClassVar

from torch import Tensor, nn

from wsss.nn.backbones.base import Backbone
from wsss.nn.backbones.dilate import dilate

_MULTI_GRID = (1, 2, 4)
"""Factors on the dilation of layer4, block by block."""


class ResNet(Backbone):
    """ResNet; a stride beyond ``output_stride`` becomes a dilation.

    The taps are the activated stem before its pooling and the outputs of layer1 to layer4. The
    stem and layer1 are never trained and BatchNorm is held, as is customary for CAM networks that
    start from ImageNet.
    """

    output_strides: ClassVar[tuple[int, ...]] = (16, 8, 32)
    frozen: tuple[str, ...] = ("conv1", "bn1", "layer1")
    freeze_bn = True
    widths: ClassVar[tuple[int, int, int, int]] = (256, 512, 1024, 2048)

    def __init__(self, output_stride: int | None = None) -> None:
        from torchvision import models  # two seconds, for those who want it

        super().__init__()
        stride = self.check_stride(output_stride)
        names = ("conv3", "conv4", "conv5", "conv6")
        self.channels = {"conv1": 64} | dict(zip(names, self.widths, strict=True))
        self.strides = {"conv1": 2, "conv3": 4, "conv4": 8, "conv5": min(16, stride)}
        self.strides["conv6"] = stride
        dilated = (False, stride < 16, stride < 32)
        net = getattr(models, self.name)(weights=None, replace_stride_with_dilation=dilated)
        self.conv1 = net.conv1
        self.bn1 = net.bn1
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = net.maxpool
        self.layer1 = net.layer1
        self.layer2 = net.layer2
        self.layer3 = net.layer3
        self.layer4 = net.layer4
        self.freeze()

    def for_irn(self) -> None:
        """Undo the dilation at stride 16, and hold what IRN's classifier holds.

        These are the layers up to layer2 and the statistics of BatchNorm; a backbone that is held
        or trained as a whole stays so. Source: docs/methods/irn.md 1 and 2.
        """
        if self.strides["conv6"] == 16:
            dilate(self.layer4, dilation=1, previous=1)
        if self.frozen == type(self).frozen:
            self.frozen, self.freeze_affine = (*self.frozen, "layer2"), False
            self.requires_grad_(True).freeze()

    def for_deeplab_v3plus(self) -> None:
        """Dilate as jfzhang95's ResNet at strides 16 and 8; 32 stays as it is.

        Source: docs/methods/retrain.md C3.

        layer4 gets the multi-grid 1, 2, 4, the first block of layer3 the dilation of its others.
        """
        stride = self.strides["conv6"]
        if stride == 32:
            return
        if stride == 8:
            dilate(self.layer3, dilation=2, previous=2)
        for block, grid in zip(self.layer4, _MULTI_GRID, strict=True):
            rate = grid * 32 // stride
            dilate([block], dilation=rate, previous=rate)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            conv1 (B, 64, H/2, W/2), conv3 (B, 256, H/4, W/4), conv4 (B, 512, H/8, W/8),
            conv5 (B, 1024, ..), conv6 (B, 2048, ..); sizes follow ``strides``, rounded up.
            ResNet-18 has 64, 128, 256, 512 channels in conv3 to conv6.
        """
        conv1 = self.relu(self.bn1(self.conv1(x)))
        conv3 = self.layer1(self.maxpool(conv1))
        conv4 = self.layer2(conv3)
        conv5 = self.layer3(conv4)
        conv6 = self.layer4(conv5)
        return {"conv1": conv1, "conv3": conv3, "conv4": conv4, "conv5": conv5, "conv6": conv6}


class ResNet18(ResNet):
    """ResNet of basic blocks, 2 per stage, 11.2 M parameters; torchvision cannot dilate it."""

    name = "resnet18"
    output_strides = (32,)
    widths = (64, 128, 256, 512)


class ResNet50(ResNet):
    """ResNet with 3, 4, 6, 3 bottlenecks, 23.5 M parameters."""

    name = "resnet50"


class ResNet101(ResNet):
    """ResNet with 3, 4, 23, 3 bottlenecks, 42.5 M parameters."""

    name = "resnet101"
