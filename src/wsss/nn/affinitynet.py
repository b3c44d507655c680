"""AffinityNet (Ahn & Kwak, CVPR 2018): features whose L1 distance tells classes apart.

Source: ``network/resnet38_aff.py`` and ``vgg16_aff.py`` of jiwoon-ahn/psa;
docs/methods/common.md 7.1, docs/methods/psa.md 2.3.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.ops.affinity import cells, pair_affinity
from wsss.ops.resize import plane, resize_bilinear


class AffinityNet(nn.Module):
    """Three taps through 1x1 convolutions, concatenated and mixed on the stride-8 grid.

    The official ResNet-38d has all its taps at stride 8. Where another backbone is coarser,
    the narrowed map is brought to that grid bilinearly; the bias-free 1x1 convolution commutes
    with that, so it runs first, on fewer cells.

    Args:
        backbone: Feature extractor. It is changed where it differs from the classifier's
            (``for_affinity``).
        widths: Channels of the narrowed conv4, conv5, conv6. The default is the official one;
            small backbones may use less.
    """

    def __init__(self, backbone: Backbone, widths: tuple[int, int, int] = (64, 128, 256)) -> None:
        super().__init__()
        backbone.for_affinity()
        self.backbone = backbone
        channels = backbone.channels
        self.f8_3 = nn.Conv2d(channels["conv4"], widths[0], 1, bias=False)
        self.f8_4 = nn.Conv2d(channels["conv5"], widths[1], 1, bias=False)
        self.f8_5 = nn.Conv2d(channels["conv6"], widths[2], 1, bias=False)
        self.f9 = nn.Conv2d(sum(widths), sum(widths), 1, bias=False)
        norms: list[nn.Module] = [nn.Identity(), nn.Identity(), nn.Identity()]
        if backbone.affinity_groups is not None:
            shapes = zip(backbone.affinity_groups, widths, strict=True)
            norms = [nn.GroupNorm(groups, width) for groups, width in shapes]
        self.gn8_3, self.gn8_4, self.gn8_5 = norms
        for narrow in (self.f8_3, self.f8_4, self.f8_5):
            nn.init.kaiming_normal_(narrow.weight)
        nn.init.xavier_uniform_(self.f9.weight, gain=4)

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: f8_3, f8_4, f8_5, f9."""
        return (self.f8_3, self.f8_4, self.f8_5, self.f9)

    def affinity(self, features: Tensor, radius: int) -> Tensor:
        """Compare the features of paired cells, see `pair_affinity`."""
        return pair_affinity(features, radius)

    def features(self, x: Tensor) -> Tensor:
        """Compute the features that the affinities are made of.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, sum(widths), h, w) with h, w = ceil(H / 8), ceil(W / 8).
        """
        # narrow the taps with 1x1 convolutions
        taps = self.backbone(x)
        grid = cells(x)
        narrow = (
            self.gn8_3(self.f8_3(taps["conv4"])),
            self.gn8_4(self.f8_4(taps["conv5"])),
            self.gn8_5(self.f8_5(taps["conv6"])),
        )

        # bring them to the grid (h, w) and mix them
        maps = [f if plane(f) == grid else resize_bilinear(f, grid) for f in narrow]
        return F.elu(self.f9(torch.cat([F.elu(f) for f in maps], dim=1)))
