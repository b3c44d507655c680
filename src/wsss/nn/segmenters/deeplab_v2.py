"""DeepLab v2 (Chen et al., TPAMI 2018): a pyramid of dilations, fused over scales of the input.

Source: kazuto1011/deeplab-pytorch (docs/methods/retrain.md B2), names of its ``MSC``. Deviation:
any backbone.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.nn.segmenters.base import Segmenter
from wsss.ops.resize import plane, resize_bilinear


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: the sum of dilated 3x3 classifiers.

    Args:
        cin: Input channels.
        num_labels: Number of labels L.
        rates: Dilations of the classifiers.
    """

    def __init__(self, cin: int, num_labels: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        for i, rate in enumerate(rates):
            conv = nn.Conv2d(cin, num_labels, 3, padding=rate, dilation=rate)
            nn.init.normal_(conv.weight, std=0.01)
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)
            self.add_module(f"c{i}", conv)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, h, w) to (B, L, h, w)."""
        return sum(classifier(x) for classifier in self.children())


class DeepLabV2(Segmenter):
    """Dilated classifiers whose logits are fused by their maximum over scales of the input.

    Args:
        backbone: Feature extractor (tap conv6).
        num_labels: Number of labels L, background included.
        rates: Dilations of the classifiers; 6, 12, 18, 24 is meant for output stride 8.
        scales: Of the further views of the input, besides the input itself.
    """

    align_corners = False

    def __init__(
        self,
        backbone: Backbone,
        num_labels: int,
        rates: tuple[int, ...] = (6, 12, 18, 24),
        scales: tuple[float, ...] = (0.5, 0.75),
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.aspp = ASPP(backbone.channels["conv6"], num_labels, rates)
        self.scales = tuple(scales)

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: the pyramid."""
        return (self.aspp,)

    def official_name(self, name: str) -> str:
        """Return the name in ``MSC``, which keeps the network that it scales in ``base``."""
        return "base." + name.removeprefix("backbone.")

    def logits(self, x: Tensor) -> Tensor:
        """Segment one scale on the grid of the features.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, L, h, w) logits, h and w those of the backbone's conv6.
        """
        return self.aspp(self.backbone(x)["conv6"])

    def training_logits(self, x: Tensor) -> list[Tensor]:
        """Return the logits of every scale and their maximum.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            Logits (B, L, h, w) of x; if there are further scales, also those of each scale, on a
            grid of its own, and the maximum of all, on the grid of x.
        """
        # logits (B, L, h, w) of every scale
        logits = [self.logits(x)]
        for scale in self.scales:
            # the factor itself, not the ratio of the rounded sizes, sets the sampling grid
            # (docs/methods/retrain.md B6.4)
            view = F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
            logits.append(self.logits(view))
        if not self.scales:
            return logits

        # their maximum on the grid of the largest scale
        size = plane(logits[0])
        same = torch.stack([resize_bilinear(view, size, self.align_corners) for view in logits])
        return [*logits, same.max(dim=0).values]

    def forward(self, x: Tensor) -> Tensor:
        """Segment.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, L, H, W) logits, the maximum over the scales.
        """
        return resize_bilinear(self.training_logits(x)[-1], plane(x), self.align_corners)
