"""UPerNet (Xiao et al., ECCV 2018): pooled context, then a pyramid of features from coarse to fine.

Written from the paper. Deviations: any backbone, whose taps are resized where they are coarser
than the pyramid; separable convolutions on request; no auxiliary classifier; BatchNorm of one value
(see :class:`wsss.nn.segmenters.layers.PooledBatchNorm`).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from wsss.nn.backbones import TAPS, Backbone
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.segmenters.layers import PooledBatchNorm, conv3x3
from wsss.ops.resize import plane, resize_bilinear

_LEVELS = TAPS[1:]
"""Taps of the pyramid, fine to coarse."""

_STRIDES = (4, 8, 16, 32)
"""Pixels per cell of the pyramid's levels, where the backbone has no finer tap."""

_BINS = (1, 2, 3, 6)
"""Cells along each side of the pooled maps."""


def _activated(conv: nn.Module, width: int, norm: type[nn.Module] = nn.BatchNorm2d) -> nn.Module:
    return nn.Sequential(conv, norm(width), nn.ReLU(inplace=True))


def pooled(x: Tensor, bins: int) -> Tensor:
    """Return means of (B, D, h, w) over a grid: (B, D, bins, bins).

    Cell i of n spans floor(i h / n) to ceil((i + 1) h / n), as in ``nn.AdaptiveAvgPool2d``, which
    ONNX lacks for maps of any size.
    """
    rows, columns = (_means(side, bins, x) for side in plane(x))
    return rows @ x @ columns.transpose(0, 1)


def _means(side: int, bins: int, like: Tensor) -> Tensor:
    """Return the matrix (bins, side) whose rows average the positions of a cell."""
    at = torch.arange(side, device=like.device)
    cells = torch.arange(bins, device=like.device)[:, None]
    first, last = cells * side // bins, ((cells + 1) * side + bins - 1) // bins
    inside = ((at >= first) & (at < last)).to(like.dtype)
    return inside / inside.sum(1, keepdim=True)


class PyramidPooling(nn.Module):
    """Adds the context of the image to its coarsest features.

    Args:
        cin: Input channels.
        width: Output channels.
        separable: Depthwise and pointwise instead of a dense 3x3 convolution.
    """

    def __init__(self, cin: int, width: int, separable: bool) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            _activated(nn.Conv2d(cin, width, 1, bias=False), width, PooledBatchNorm) for _ in _BINS
        )
        self.fuse = _activated(conv3x3(cin + len(_BINS) * width, width, 1, separable), width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, h, w) to (B, width, h, w)."""
        context = [
            resize_bilinear(stage(pooled(x, bins)), plane(x))
            for stage, bins in zip(self.stages, _BINS, strict=True)
        ]
        return self.fuse(torch.cat([x, *context], 1))


class Pyramid(nn.Module):
    """Feature pyramid: every level is added to the next finer one, and all are fused.

    Args:
        channels: Input channels of the levels, fine to coarse.
        width: Channels of each level and of the output.
        separable: Depthwise and pointwise instead of dense 3x3 convolutions.
    """

    def __init__(self, channels: Sequence[int], width: int, separable: bool) -> None:
        super().__init__()
        *finer, coarsest = channels
        self.context = PyramidPooling(coarsest, width, separable)
        self.laterals = nn.ModuleList(
            _activated(nn.Conv2d(cin, width, 1, bias=False), width) for cin in finer
        )
        self.smooth = nn.ModuleList(
            _activated(conv3x3(width, width, 1, separable), width) for _ in finer
        )
        self.fuse = _activated(conv3x3(len(channels) * width, width, 1, separable), width)

    def forward(self, levels: Sequence[Tensor], planes: Sequence[tuple[int, int]]) -> Tensor:
        """Map levels (B, channels[i], h_i, w_i) to (B, width, H, W).

        Args:
            levels: Features, fine to coarse.
            planes: Height and width of each level of the pyramid; H, W are the first.
        """
        *finer, coarsest = levels
        found = [resize_bilinear(self.context(coarsest), planes[-1])]
        inputs = zip(finer, planes[:-1], self.laterals, strict=True)
        for level, size, lateral in reversed([*inputs]):
            own = resize_bilinear(lateral(level), size)
            found.append(own + resize_bilinear(found[-1], size))
        # without the coarsest, which the pooling has smoothed
        smooth = [layer(x) for layer, x in zip(self.smooth, found[:0:-1], strict=True)]
        same = [resize_bilinear(x, planes[0]) for x in (*smooth, found[0])]
        return self.fuse(torch.cat(same, 1))


class UPerNet(Segmenter):
    """Pyramid of features with pooled context; bilinear resizing with align_corners False.

    Args:
        backbone: Feature extractor (taps conv3 to conv6). A tap that is coarser than its level of
            stride 4, 8, 16 or 32 is resized to it, as all of a ViT are.
        num_labels: Number of labels L, background included.
        width: Channels of the head.
        separable: Depthwise and pointwise instead of dense 3x3 convolutions in the head.
    """

    align_corners = False

    def __init__(
        self, backbone: Backbone, num_labels: int, width: int = 512, separable: bool = False
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pyramid = Pyramid([backbone.channels[tap] for tap in _LEVELS], width, separable)
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Conv2d(width, num_labels, 1))

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: the head."""
        return (self.pyramid, self.classifier)

    def forward(self, x: Tensor) -> Tensor:
        """Segment.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, L, H, W) logits.
        """
        taps = self.backbone(x)
        strides = [
            min(own, self.backbone.strides[tap]) for own, tap in zip(_STRIDES, _LEVELS, strict=True)
        ]
        planes = [tuple((side + stride - 1) // stride for side in plane(x)) for stride in strides]
        logits = self.classifier(self.pyramid([taps[tap] for tap in _LEVELS], planes))
        return resize_bilinear(logits, plane(x), self.align_corners)
