"""DeepLab v3 (Chen et al. 2017, arXiv 1706.05587) with the structure and names of torchvision.

Source: ``torchvision.models.segmentation.deeplabv3``, whose files load with a ResNet of output
stride 8. Deviations: any backbone; rates by its output stride (torchvision's 12, 24, 36 at 8);
separable convolutions on request; no auxiliary classifier, that of a file is left out; one-value
BatchNorm (see :class:`wsss.nn.segmenters.layers.PooledBatchNorm`).
"""

import torch
from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.segmenters.layers import conv3x3, image_pooling, pyramid_rates
from wsss.ops.resize import plane, resize_bilinear


def _activated(conv: nn.Module, width: int) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: 1x1, three dilated 3x3, image pooling; fused by 1x1.

    Args:
        cin: Input channels.
        width: Channels of each branch and of the output.
        rates: Dilations of the 3x3 branches.
        separable: Depthwise and pointwise instead of dense 3x3 convolutions.
    """

    def __init__(self, cin: int, width: int, rates: tuple[int, int, int], separable: bool) -> None:
        super().__init__()
        dilated = [_activated(conv3x3(cin, width, rate, separable), width) for rate in rates]
        pointwise = _activated(nn.Conv2d(cin, width, 1, bias=False), width)
        self.convs = nn.ModuleList([pointwise, *dilated, image_pooling(cin, width)])
        self.project = _activated(nn.Conv2d(5 * width, width, 1, bias=False), width)
        self.project.append(nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, h, w) to (B, width, h, w)."""
        size = x.shape[2:]
        return self.project(torch.cat([conv(x).expand(-1, -1, *size) for conv in self.convs], 1))


class DeepLabV3(Segmenter):
    """Atrous pyramid on the last features; bilinear resizing with align_corners False.

    Args:
        backbone: Feature extractor (tap conv6).
        num_labels: Number of labels L, background included.
        width: Channels of the head.
        rates: Dilations of the pyramid; ``None`` = what the backbone's output stride asks for.
        separable: Depthwise and pointwise instead of dense 3x3 convolutions in the head.

    Attributes:
        unused: Prefixes of what a published file has beyond this network.
    """

    align_corners = False
    unused = ("aux_classifier.",)

    def __init__(
        self,
        backbone: Backbone,
        num_labels: int,
        width: int = 256,
        rates: tuple[int, int, int] | None = None,
        separable: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        rates = rates or pyramid_rates(backbone.strides["conv6"])
        self.classifier = nn.Sequential(
            ASPP(backbone.channels["conv6"], width, rates, separable),
            conv3x3(width, width, separable=separable),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, num_labels, 1),
        )

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: the head."""
        return (self.classifier,)

    def official_name(self, name: str) -> str:
        """Return the name as it is: torchvision holds the backbone as a part, too."""
        return name

    def forward(self, x: Tensor) -> Tensor:
        """Segment.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, L, H, W) logits.
        """
        logits = self.classifier(self.backbone(x)["conv6"])
        return resize_bilinear(logits, plane(x), self.align_corners)
