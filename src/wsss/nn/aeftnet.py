"""The classification network of AEFT: two 1x1 layers and gated pyramid pooling."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.nn.classnet import ClassNet
from wsss.nn.heads.gpp import SignedGate, gated_pyramid, signed_score

WIDTH = 256
"""Channels that the class maps are linear in (docs/methods/aeft.md 4)."""


class AeftNet(ClassNet):
    """Backbone, ``fc9(relu(fc8(conv6)))`` as signed class maps, logits by gated pyramid pooling.

    Source: ``Net_gpp`` in ``networks/resnet38d.py`` of AEFT (docs/methods/aeft.md 4, 5). The
    official network constructs ``bn8`` and never applies it; it is kept, frozen, so that its
    checkpoints fit.

    Args:
        backbone: Feature extractor; each of its Dropout2d gets ``backbone_dropout``.
        num_classes: Number of foreground classes C.
        backbone_dropout: Probability that a channel inside the backbone is dropped in training.
    """

    linear = False  # gated pyramid pooling is not linear in the features

    def __init__(self, backbone: Backbone, num_classes: int, backbone_dropout: float = 0.2) -> None:
        super().__init__()
        self.backbone = backbone
        for module in backbone.modules():
            if isinstance(module, nn.Dropout2d):
                module.p = backbone_dropout
        self.fc8 = nn.Conv2d(backbone.channels["conv6"], WIDTH, 1, bias=False)
        self.bn8 = nn.BatchNorm2d(WIDTH).requires_grad_(False)
        self.fc9 = nn.Conv2d(WIDTH, num_classes, 1, bias=False)
        self.gconv1 = SignedGate(num_classes)
        self.gconv2 = SignedGate(num_classes)
        self.gconv3 = SignedGate(num_classes)
        for layer in (self.fc8, self.fc9):
            nn.init.xavier_uniform_(layer.weight)

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: all but the backbone."""
        return (self.fc8, self.fc9, self.gconv1, self.gconv2, self.gconv3)

    def features(self, taps: dict[str, Tensor]) -> Tensor:
        """Return the features of the classifier, ``relu(fc8(conv6))``: (B, 256, h, w)."""
        return F.relu(self.fc8(taps["conv6"]))

    def class_weight(self) -> Tensor:
        """Return the weights (C, 256) that turn features into class maps."""
        return self.fc9.weight.flatten(1)

    def cam(self, x: Tensor) -> Tensor:
        """Compute the signed class maps of images (B, 3, H, W): (B, C, h, w) float32."""
        return self._class_maps(self.features(self.backbone(x)))

    def maps(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the class maps and their gated pyramid.

        Args:
            features: (B, 256, h, w), any h, w >= 1.

        Returns:
            Two signed maps (B, C, h, w), float32 also under autocast.
        """
        cam = self._class_maps(features)
        return cam, gated_pyramid(cam, (self.gconv1, self.gconv2, self.gconv3))

    def classify(self, features: Tensor, size: tuple[int, int]) -> Tensor:  # noqa: ARG002
        """Classify features (B, 256, h, w) by gated pyramid pooling.

        Args:
            features: (B, 256, h, w).
            size: (H, W) of the image; not used here.

        Returns:
            (B, C) logits.
        """
        return signed_score(*self.maps(features))

    def _class_maps(self, features: Tensor) -> Tensor:
        # products of maps and means over space lose too much in half precision
        with torch.autocast(features.device.type, enabled=False):
            return self.fc9(features.float())
