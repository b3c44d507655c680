"""Classification network with global average pooling; its last layer gives the CAMs."""

import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.nn.classnet import ClassNet


class CamNet(ClassNet):
    """Backbone, global average pooling, bias-free 1x1 classifier (PSA ``resnet38_cls.py``).

    Args:
        backbone: Feature extractor.
        num_classes: Number of foreground classes C.
        dropout: Probability that a channel of the last features is dropped in training.
    """

    def __init__(self, backbone: Backbone, num_classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout7 = nn.Dropout2d(dropout)
        self.fc8 = nn.Conv2d(backbone.channels["conv6"], num_classes, 1, bias=False)
        nn.init.xavier_uniform_(self.fc8.weight)

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: the classifier."""
        return (self.fc8,)

    def class_weight(self) -> Tensor:
        """Return the weights (C, D) that turn features into class maps."""
        return self.fc8.weight.flatten(1)

    def classify(self, features: Tensor, size: tuple[int, int]) -> Tensor:  # noqa: ARG002
        """Classify: fc8(gap(dropout(features))), docs/methods/psa.md 1.

        Args:
            features: (B, D, h, w).
            size: (H, W) of the image; not used here.

        Returns:
            (B, C) logits.
        """
        pooled = self.dropout7(features).mean((2, 3), keepdim=True)
        return self.fc8(pooled).flatten(1)

    def cam(self, x: Tensor) -> Tensor:
        """Compute the class activation maps: relu(fc8(conv6)), no dropout, docs/methods/psa.md 1.

        On VGG-16 the maps are square-rooted (docs/methods/psa.md 2.2).

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, C, h, w) maps >= 0 at the backbone's output stride.
        """
        maps = F.relu(self.fc8(self.features(self.backbone(x))))
        return maps.sqrt() if self.backbone.sqrt_cam else maps
