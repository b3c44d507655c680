"""DeepLab v1 with a large field of view (Chen et al., ICLR 2015) as SEAM's results were made.

Source: YudeWang/semantic-segmentation-codebase, ``experiment/seamv1-pseudovoc``
(docs/methods/retrain.md A2). Its names fit with ResNet-38. Deviation: any backbone.
"""

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from wsss.nn.backbones import Backbone
from wsss.nn.segmenters.base import Segmenter
from wsss.ops.resize import plane, resize_bilinear

_BN_MOMENTUM = 0.0003
"""Of every BatchNorm, in the backbone, too (``TRAIN_BN_MOM``)."""


class DeepLabV1(Segmenter):
    """One widely dilated convolution on the last features of a backbone.

    Args:
        backbone: Feature extractor (tap conv6).
        num_labels: Number of labels L, background included.
        width: Channels of the head.
        dilation: Of its 3x3 convolution; 12 is meant for output stride 8.
    """

    def __init__(
        self, backbone: Backbone, num_labels: int, width: int = 512, dilation: int = 12
    ) -> None:
        super().__init__()
        self.backbone = backbone
        channels = backbone.channels["conv6"]
        self.conv_fov = nn.Conv2d(
            channels, width, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.bn_fov = nn.BatchNorm2d(width)
        self.conv_fov2 = nn.Conv2d(width, width, 1, bias=False)
        self.bn_fov2 = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(0.5)
        self.cls_conv = nn.Conv2d(width, num_labels, 1)
        for conv in (self.conv_fov, self.conv_fov2, self.cls_conv):
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        for module in self.modules():
            if isinstance(module, _BatchNorm):
                module.momentum = _BN_MOMENTUM

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: the head."""
        return (self.conv_fov, self.bn_fov, self.conv_fov2, self.bn_fov2, self.cls_conv)

    def official_name(self, name: str) -> str:
        """Return the name as it is: the published network holds its backbone as a part, too."""
        return name

    def logits(self, x: Tensor) -> Tensor:
        """Segment on the grid of the features.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, L, h, w) logits, h and w those of the backbone's conv6.
        """
        x = F.relu(self.bn_fov(self.conv_fov(self.backbone(x)["conv6"])), inplace=True)
        x = F.relu(self.bn_fov2(self.conv_fov2(x)), inplace=True)
        return self.cls_conv(self.dropout(x))

    def forward(self, x: Tensor) -> Tensor:
        """Segment.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, L, H, W) logits.
        """
        return resize_bilinear(self.logits(x), plane(x), self.align_corners)
