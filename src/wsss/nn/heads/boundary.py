"""The boundary branch of SB: four taps of the backbone become boundary maps of every label.

Source: ``edge_layer`` in ``network/resnet38_SEAM_BD.py`` of Carlisle-Liu/SBNet;
docs/methods/sb.md 2.1. Module names are the official ones.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.ops.resize import plane, resize_bilinear

WIDTH = 32
"""Channels of each of the four parts."""

_PARTS = (1, 3, 5, 6)
_JOINT = WIDTH * len(_PARTS)


class ChannelAttention(nn.Module):
    """Channel attention: two 1x1 layers on the mean over space, added to all pixels.

    Args:
        channels: Of the maps.
        reduction: Divides them between the two layers.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        narrow = channels // reduction
        self.conv_du = nn.Sequential(
            nn.Conv2d(channels, narrow, 1), nn.ReLU(inplace=True), nn.Conv2d(narrow, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add the attention; published without sigmoid and without product (B, D, H, W)."""
        return x + self.conv_du(x.mean((2, 3), keepdim=True))


class ResidualAttention(nn.Module):
    """Two 3x3 convolutions and channel attention around an identity (``rcab``).

    Args:
        channels: Of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
            ChannelAttention(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return x + body(x): (B, D, H, W)."""
        return x + self.body(x)


class BoundaryHead(nn.Module):
    """Narrows four taps, brings them to the finest one's grid and joins them.

    Args:
        channels: Of the four taps, finest first.
        num_labels: Number of labels L, the background included.
    """

    def __init__(self, channels: Sequence[int], num_labels: int) -> None:
        super().__init__()
        for part, cin in zip(_PARTS, channels, strict=True):
            self.add_module(f"conv{part}", nn.Conv2d(cin, WIDTH, 1))
            self.add_module(f"conv8_{part}", nn.Conv2d(WIDTH, WIDTH, 3, padding=1))
        self.rcab = ResidualAttention(_JOINT)
        self.classifier = nn.Conv2d(_JOINT, num_labels, 3, padding=1)

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Compute boundary logits.

        Args:
            taps: Four maps (B, channels[i], h_i, w_i), finest first.

        Returns:
            (B, L, h_0, w_0).
        """
        grid = plane(taps[0])
        parts = [self._narrow(part, tap) for part, tap in zip(_PARTS, taps, strict=True)]
        joint = torch.cat([resize_bilinear(p, grid, align_corners=True) for p in parts], dim=1)
        return self.classifier(self.rcab(joint))

    def _narrow(self, part: int, tap: Tensor) -> Tensor:
        narrow = F.relu(self.get_submodule(f"conv{part}")(tap))
        return F.relu(self.get_submodule(f"conv8_{part}")(narrow))
