"""DeepLabV3+ (Chen et al., ECCV 2018) with the structure and names of jfzhang95's port.

Source: jfzhang95/pytorch-deeplab-xception, docs/methods/retrain.md C3. Deviations: any backbone;
separable convolutions on request; one-value BatchNorm (see
:class:`wsss.nn.segmenters.layers.PooledBatchNorm`); the freezing of the backbone is the backbone's
business.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.segmenters.layers import conv3x3, image_pooling, pyramid_rates
from wsss.ops.resize import plane, resize_bilinear


class Branch(nn.Module):
    """Convolution, BatchNorm, ReLU: one rate of the pyramid.

    Args:
        conv: Convolution to ``width`` channels that keeps the size.
        width: Its output channels.
    """

    def __init__(self, conv: nn.Module, width: int) -> None:
        super().__init__()
        self.atrous_conv = conv
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, D, h, w) to (B, width, h, w)."""
        return F.relu(self.bn(self.atrous_conv(x)), inplace=True)


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
        self.aspp1 = Branch(nn.Conv2d(cin, width, 1, bias=False), width)
        self.aspp2 = Branch(conv3x3(cin, width, rates[0], separable), width)
        self.aspp3 = Branch(conv3x3(cin, width, rates[1], separable), width)
        self.aspp4 = Branch(conv3x3(cin, width, rates[2], separable), width)
        self.global_avg_pool = image_pooling(cin, width)
        self.conv1 = nn.Conv2d(5 * width, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, h, w) to (B, width, h, w)."""
        branches = [branch(x) for branch in (self.aspp1, self.aspp2, self.aspp3, self.aspp4)]
        pooled = self.global_avg_pool(x).expand_as(branches[0])
        fused = self.conv1(torch.cat([*branches, pooled], dim=1))
        return self.dropout(F.relu(self.bn1(fused), inplace=True))


class Decoder(nn.Module):
    """Sharpens the pyramid with stride-4 features and classifies.

    Args:
        low_channels: Channels of the stride-4 features.
        width: Channels of the pyramid and inside the decoder.
        low_width: Channels that the stride-4 features are narrowed to.
        num_labels: Number of labels L, background included.
        separable: Depthwise and pointwise instead of dense 3x3 convolutions.
    """

    def __init__(
        self, low_channels: int, width: int, low_width: int, num_labels: int, separable: bool
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(low_channels, low_width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(low_width)
        self.last_conv = nn.Sequential(
            conv3x3(width + low_width, width, separable=separable),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            conv3x3(width, width, separable=separable),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Dropout(0.1),
            nn.Conv2d(width, num_labels, 1),
        )

    def forward(self, pyramid: Tensor, low: Tensor) -> Tensor:
        """Map (B, width, h, w) and (B, low_channels, H/4, W/4) to (B, L, H/4, W/4)."""
        low = F.relu(self.bn1(self.conv1(low)), inplace=True)
        pyramid = resize_bilinear(pyramid, plane(low), align_corners=True)
        return self.last_conv(torch.cat([pyramid, low], dim=1))


class DeepLabV3Plus(Segmenter):
    """Encoder-decoder segmenter; all bilinear resizing has align_corners True.

    Args:
        backbone: Feature extractor (taps conv3 and conv6). It is changed where it
            differs from the classifier's (``for_deeplab_v3plus``).
        num_labels: Number of labels L, background included.
        width: Channels of the pyramid and the decoder.
        low_width: Channels that the stride-4 features are narrowed to.
        rates: Dilations of the pyramid; ``None`` = what the backbone's output stride asks for.
        separable: Depthwise and pointwise instead of dense 3x3 convolutions in the head,
            for CPUs and mobile backbones.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_labels: int,
        width: int = 256,
        low_width: int = 48,
        rates: tuple[int, int, int] | None = None,
        separable: bool = False,
    ) -> None:
        super().__init__()
        backbone.for_deeplab_v3plus()
        self.backbone = backbone
        channels = backbone.channels
        rates = rates or pyramid_rates(backbone.strides["conv6"])
        self.aspp = ASPP(channels["conv6"], width, rates, separable)
        self.decoder = Decoder(channels["conv3"], width, low_width, num_labels, separable)
        for part in self.from_scratch():
            for module in part.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight)

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: pyramid and decoder."""
        return (self.aspp, self.decoder)

    def official_name(self, name: str) -> str:
        """Return the name as it is: the published network holds its backbone as a part, too."""
        return name

    def forward(self, x: Tensor) -> Tensor:
        """Segment.

        Args:
            x: (B, 3, H, W) normalised RGB, H and W at least 32.

        Returns:
            (B, L, H, W) logits.
        """
        taps = self.backbone(x)
        logits = self.decoder(self.aspp(taps["conv6"]), taps["conv3"])
        return resize_bilinear(logits, plane(x), self.align_corners)
