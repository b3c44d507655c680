"""ResNet-50 and ResNet-101 (He et al. 2016) on torchvision's modules and names."""

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor, nn
from torchvision.models import ResNet as TorchvisionResNet
from torchvision.models import resnet50, resnet101

from wsss.nn.backbones.base import Backbone


class ResNet(Backbone):
    """Bottleneck ResNet; a stride beyond ``output_stride`` becomes a dilation.

    The taps are the outputs of layer1 to layer4. The stem and layer1 are never trained and
    BatchNorm is held, as is customary for CAM networks that start from ImageNet.
    """

    output_strides = (16, 8, 32)
    frozen = ("conv1", "bn1", "layer1")
    freeze_bn = True
    builder: ClassVar[Callable[..., TorchvisionResNet]]

    def __init__(self, output_stride: int | None = None) -> None:
        super().__init__()
        stride = self.check_stride(output_stride)
        self.channels = {"conv3": 256, "conv4": 512, "conv5": 1024, "conv6": 2048}
        self.strides = {"conv3": 4, "conv4": 8, "conv5": min(16, stride), "conv6": stride}
        net = type(self).builder(
            weights=None, replace_stride_with_dilation=(False, stride < 16, stride < 32)
        )
        self.conv1 = net.conv1
        self.bn1 = net.bn1
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = net.maxpool
        self.layer1 = net.layer1
        self.layer2 = net.layer2
        self.layer3 = net.layer3
        self.layer4 = net.layer4
        self.freeze()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the taps.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            conv3 (B, 256, H/4, W/4), conv4 (B, 512, H/8, W/8), conv5 (B, 1024, ..),
            conv6 (B, 2048, ..); sizes follow ``strides``, rounded up.
        """
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        conv3 = self.layer1(x)
        conv4 = self.layer2(conv3)
        conv5 = self.layer3(conv4)
        return {"conv3": conv3, "conv4": conv4, "conv5": conv5, "conv6": self.layer4(conv5)}


class ResNet50(ResNet):
    """ResNet with 3, 4, 6, 3 blocks, 23.5 M parameters."""

    name = "resnet50"
    builder = staticmethod(resnet50)


class ResNet101(ResNet):
    """ResNet with 3, 4, 23, 3 blocks, 42.5 M parameters."""

    name = "resnet101"
    builder = staticmethod(resnet101)
