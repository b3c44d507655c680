"""IRNet (Ahn, Cho & Kwak, CVPR 2019): boundaries of classes, and displacements to object centres.

Source: ``net/resnet50_irn.py`` and ``resnet50_cam.py`` of jiwoon-ahn/irn; docs/methods/irn.md 1, 2
and 5.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.nn.camnet import CamNet
from wsss.ops.resize import plane

CELL = 4
"""Side of a cell of IRNet in pixels: its output stride."""

_TRUNK = "resnet50."
"""Prefix of the backbone in the published checkpoints."""


def official_trunk(name: str) -> str:
    """Return the published name of a tensor of the backbone, other names as they are."""
    prefix = "backbone."
    return _TRUNK + name.removeprefix(prefix) if name.startswith(prefix) else name


class IrnCamNet(CamNet):
    """The classifier: no dropout, and a classifier with PyTorch's initial weights.

    Args:
        backbone: Feature extractor, changed as IRN's (``for_irn``).
        num_classes: Number of foreground classes C.
    """

    def __init__(self, backbone: Backbone, num_classes: int) -> None:
        backbone.for_irn()
        super().__init__(backbone, num_classes, dropout=0.0)
        self.fc8.reset_parameters()

    @staticmethod
    def official_name(name: str) -> str:
        """Return the published name of a tensor of this network."""
        return "classifier.weight" if name == "fc8.weight" else official_trunk(name)


class MeanShift(nn.Module):
    """Subtract a stored mean (2,) from displacements in evaluation, nothing in training."""

    running_mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(2))

    def forward(self, dp: Tensor) -> Tensor:
        """Centre displacements (B, 2, h, w)."""
        return dp if self.training else dp - self.running_mean[:, None, None]


class IRNet(nn.Module):
    """Two heads of 1x1 convolutions on the taps of a backbone that is not trained.

    Taps of coarser strides are brought to the finer grids bilinearly and cropped there; the first
    one is pooled to stride 4, where the official network takes it.

    Args:
        backbone: Feature extractor, changed as IRN's (``for_irn``) and held.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        backbone.for_irn()
        self.backbone = backbone.hold()
        width, stride = backbone.channels, backbone.strides
        finer = {tap: stride[tap] // CELL for tap in stride}
        self.fc_edge1 = _narrow(width["conv1"], 32, 4)
        self.fc_edge2 = _narrow(width["conv3"], 32, 4)
        self.fc_edge3 = _narrow(width["conv4"], 32, 4, finer["conv4"])
        self.fc_edge4 = _narrow(width["conv5"], 32, 4, finer["conv5"])
        self.fc_edge5 = _narrow(width["conv6"], 32, 4, finer["conv6"])
        self.fc_edge6 = nn.Conv2d(160, 1, 1)
        self.fc_dp1 = _narrow(width["conv1"], 64, 8)
        self.fc_dp2 = _narrow(width["conv3"], 128, 16)
        self.fc_dp3 = _narrow(width["conv4"], 256, 16)
        self.fc_dp4 = _narrow(width["conv5"], 256, 16, finer["conv5"] // finer["conv4"])
        self.fc_dp5 = _narrow(width["conv6"], 256, 16, finer["conv6"] // finer["conv4"])
        self.fc_dp6 = _narrow(768, 256, 16, finer["conv4"])
        self.fc_dp7 = _narrow(448, 256, 16)
        self.fc_dp7.append(nn.Conv2d(256, 2, 1, bias=False))
        self.mean_shift = MeanShift()

    @staticmethod
    def official_name(name: str) -> str:
        """Return the published name of a tensor of this network."""
        return official_trunk(name)

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the displacement head, which learns faster than that of the boundaries."""
        return (
            *(self.fc_dp1, self.fc_dp2, self.fc_dp3, self.fc_dp4, self.fc_dp5),
            *(self.fc_dp6, self.fc_dp7),
        )

    @torch.no_grad()
    def taps(self, x: Tensor) -> list[Tensor]:
        """Compute the features that the heads read.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            The five taps of the backbone, the first one at stride 4 (pooling 3, stride 2).
        """
        found = self.backbone(x)
        first = found["conv1"]
        stride = self.backbone.strides["conv1"]
        while stride < CELL:
            first, stride = F.max_pool2d(first, 3, 2, 1), 2 * stride
        return [first, *(found[tap] for tap in ("conv3", "conv4", "conv5", "conv6"))]

    def edges(self, taps: list[Tensor]) -> Tensor:
        """Compute the logits of class boundaries, docs/methods/irn.md 5.

        Args:
            taps: See :meth:`taps`.

        Returns:
            (B, 1, h, w) with h, w = ceil(H / 4), ceil(W / 4).
        """
        heads = (self.fc_edge1, self.fc_edge2, self.fc_edge3, self.fc_edge4, self.fc_edge5)
        return self.fc_edge6(_joined(taps[1], *_through(heads, taps)))

    def displacements(self, taps: list[Tensor]) -> Tensor:
        """Compute the displacements, in cells, of cells to the centre of their object.

        Args:
            taps: See :meth:`taps`.

        Returns:
            (B, 2, h, w), vertical ones first.
        """
        heads = (self.fc_dp1, self.fc_dp2, self.fc_dp3, self.fc_dp4, self.fc_dp5)
        first, second, *coarse = _through(heads, taps)
        coarse = [self.fc_dp6(_joined(taps[2], *coarse))]
        return self.mean_shift(self.fc_dp7(_joined(taps[1], first, second, *coarse)))


def _narrow(cin: int, cout: int, groups: int, finer: int = 1) -> nn.Sequential:
    """Build a 1x1 convolution with GroupNorm, bilinear upsampling by a factor, and ReLU."""
    layers = [nn.Conv2d(cin, cout, 1, bias=False), nn.GroupNorm(groups, cout)]
    if finer > 1:
        layers.append(nn.Upsample(scale_factor=finer, mode="bilinear", align_corners=False))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def _through(heads: tuple[nn.Sequential, ...], taps: list[Tensor]) -> list[Tensor]:
    return [head(tap) for head, tap in zip(heads, taps, strict=True)]


def _joined(grid: Tensor, *maps: Tensor) -> Tensor:
    """Concatenate maps, cropped to the upper left part that lies on the grid of the first one."""
    height, width = plane(grid)
    return torch.cat([each[..., :height, :width] for each in maps], dim=1)
