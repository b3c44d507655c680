"""The classification network whose last layer draws class activation maps."""

import torch.nn.functional as F
from torch import Tensor, nn

from wsss.nn.backbones import Backbone


class CamNet(nn.Module):
    """Backbone, global average pooling, bias-free 1x1 classifier (PSA ``resnet38_cls.py``).

    Args:
        backbone: Where the features come from.
        num_classes: Number of foreground classes C.
        dropout: Probability that a channel of the last features is dropped in training.
    """

    def __init__(self, backbone: Backbone, num_classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout7 = nn.Dropout2d(dropout)
        self.fc8 = nn.Conv2d(backbone.channels["conv6"], num_classes, 1, bias=False)
        nn.init.xavier_uniform_(self.fc8.weight)

    def scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: the classifier."""
        return (self.fc8,)

    def logits(self, x: Tensor) -> Tensor:
        """Classify: fc8(gap(dropout(conv6))), psa.md 1.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, C) logits.
        """
        features = self.dropout7(self.backbone(x)["conv6"])
        return self.fc8(features.mean((2, 3), keepdim=True)).flatten(1)

    def cam(self, x: Tensor) -> Tensor:
        """Draw the class activation maps: relu(fc8(conv6)), no dropout, psa.md 1.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, C, h, w) maps >= 0 at the backbone's output stride.
        """
        return F.relu(self.fc8(self.backbone(x)["conv6"]))
