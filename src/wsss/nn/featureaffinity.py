"""Affinities without training: cosines of the features of a network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.ops.affinity import cells, cosine_affinity
from wsss.ops.resize import resize_bilinear


class FeatureAffinity(nn.Module):
    """Feature taps side by side on the grid of stride 8, compared by their cosines.

    Args:
        backbone: Feature extractor.
        taps: Names of the taps.
    """

    def __init__(self, backbone: Backbone, taps: Sequence[str]) -> None:
        super().__init__()
        self.backbone = backbone
        self.taps = taps

    def features(self, x: Tensor) -> Tensor:
        """Compute the features that are compared; every tap has the same share of their norm.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, D, h, w) with h, w = ceil(H / 8), ceil(W / 8).
        """
        found = self.backbone(x)
        grid = cells(x)
        return torch.cat([resize_bilinear(_unit(found[tap].float()), grid) for tap in self.taps], 1)

    def affinity(self, features: Tensor, radius: int) -> Tensor:
        """Compare the features of paired cells, see `cosine_affinity`."""
        return cosine_affinity(features, radius)


def _unit(tap: Tensor) -> Tensor:
    """Scale features (B, D, h, w) to cells of unit length, on average over each image."""
    squares = tap.square().sum(1, keepdim=True).mean((2, 3), keepdim=True)
    return tap * squares.clamp(min=torch.finfo(tap.dtype).tiny).rsqrt()
