"""The classification network of SEAM: class maps refined by the correlation of pixels.

Source: ``network/resnet38_SEAM.py`` of YudeWang/SEAM (Wang et al., CVPR 2020);
docs/methods/seam.md 1.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.nn.classnet import ClassNet
from wsss.ops.correlate import refine, winner_maps
from wsss.ops.resize import plane, resize_bilinear


class SeamNet(ClassNet):
    """Backbone, bias-free 1x1 classifier, pixel correlation module.

    The official ResNet-38d has its taps at stride 8. On other backbones conv4 and conv5 are
    brought to the grid of conv6, where the maps are.

    Args:
        backbone: Feature extractor.
        num_classes: Number of foreground classes C; the classifier has a background row, too,
            which no loss trains.
        dropout: Probability that a channel of the last features is dropped in training.
    """

    def __init__(self, backbone: Backbone, num_classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.backbone = backbone
        channels = backbone.channels
        self.dropout7 = nn.Dropout2d(dropout)
        self.fc8 = nn.Conv2d(channels["conv6"], num_classes + 1, 1, bias=False)
        self.f8_3 = nn.Conv2d(channels["conv4"], 64, 1, bias=False)
        self.f8_4 = nn.Conv2d(channels["conv5"], 128, 1, bias=False)
        self.f9 = nn.Conv2d(3 + 64 + 128, 192, 1, bias=False)
        nn.init.xavier_uniform_(self.fc8.weight)
        nn.init.kaiming_normal_(self.f8_3.weight)
        nn.init.kaiming_normal_(self.f8_4.weight)
        nn.init.xavier_uniform_(self.f9.weight, gain=4)

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: fc8, f8_3, f8_4, f9."""
        return (self.fc8, self.f8_3, self.f8_4, self.f9)

    def class_weight(self) -> Tensor:
        """Return the weights (C, D) that turn features into the maps of foreground classes."""
        return self.fc8.weight.flatten(1)[1:]

    def classify(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Classify: the mean of the class maps upsampled to the image.

        Source: docs/methods/seam.md 9, note 4.

        Args:
            features: (B, D, h, w).
            size: (H, W) of the image.

        Returns:
            (B, C) logits of the foreground classes.
        """
        maps = self._class_maps(features)[:, 1:]
        return resize_bilinear(maps, size, align_corners=True).mean((2, 3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute both kinds of maps of images (B, 3, H, W), see :meth:`activate`."""
        return self.activate(x, self.backbone(x))

    def activate(self, x: Tensor, taps: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Compute the maps of the classifier and the refined ones, in training with dropout.

        Only the pixel correlation learns from the refined maps: the classifier and the backbone
        get no gradient from them (docs/methods/seam.md 1.1).

        Args:
            x: (B, 3, H, W) normalised RGB.
            taps: The backbone's taps of it.

        Returns:
            Class maps before any rectification and refined maps >= 0, both (B, 1 + C, H, W)
            float32, background first, upsampled bilinearly (align_corners True).
        """
        logits = self._class_maps(taps["conv6"])
        refined = refine(winner_maps(logits), self.pixel_features(x, taps))
        size = plane(x)
        return resize_bilinear(logits, size, align_corners=True), resize_bilinear(
            refined, size, align_corners=True
        )

    def pixel_features(self, x: Tensor, taps: dict[str, Tensor]) -> Tensor:
        """Compute the features whose correlation refines the maps: (B, 192, h, w)."""
        # narrow conv4 and conv5, without gradient to the backbone
        grid = plane(taps["conv6"])
        # the bias-free 1x1 convolutions commute with the resize, so they run first
        narrow = (self.f8_3(taps["conv4"].detach()), self.f8_4(taps["conv5"].detach()))
        image, *maps = (resize_bilinear(f, grid, align_corners=True) for f in (x, *narrow))
        return self.f9(torch.cat([image, *map(F.relu, maps)], dim=1))

    def _class_maps(self, features: Tensor) -> Tensor:
        # the maps of two views are compared to a few per mille: too fine for half precision
        with torch.autocast(features.device.type, enabled=False):
            return self.fc8(self.dropout7(features.float()))
