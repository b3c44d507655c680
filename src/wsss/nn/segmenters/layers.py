"""Layers shared by the heads of DeepLab v3 and v3+."""

import torch.nn.functional as F
from torch import Tensor, nn


def pyramid_rates(stride: int) -> tuple[int, int, int]:
    """Return the dilations of the pyramid: 6, 12, 18 at output stride 16, doubled at 8.

    They see the same part of the image at any stride (Chen et al. 2017).
    """
    unit = 96 // stride
    return unit, 2 * unit, 3 * unit


def conv3x3(cin: int, cout: int, dilation: int = 1, separable: bool = False) -> nn.Module:
    """Return a bias-free 3x3 convolution that keeps the size, as two layers if ``separable``."""
    if not separable:
        return nn.Conv2d(cin, cout, 3, padding=dilation, dilation=dilation, bias=False)
    depthwise = nn.Conv2d(cin, cin, 3, padding=dilation, dilation=dilation, groups=cin, bias=False)
    return nn.Sequential(depthwise, nn.Conv2d(cin, cout, 1, bias=False))


class PooledBatchNorm(nn.BatchNorm2d):
    """BatchNorm that falls back on its running statistics for one value per channel.

    Image pooling leaves a 1x1 map. A batch of one then has no variance and PyTorch refuses to
    train, so such a batch is normalised as in evaluation and leaves the statistics alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (B, D, h, w)."""
        if self.training and x.numel() == x.shape[1]:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)


def image_pooling(cin: int, width: int) -> nn.Sequential:
    """Return the branch of the pyramid that sees the whole image: (B, width, 1, 1)."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(cin, width, 1, bias=False),
        PooledBatchNorm(width),
        nn.ReLU(inplace=True),
    )
