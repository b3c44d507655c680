"""A plain classifier as torchvision builds it."""

from typing import cast

from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.nn.classnet import ClassNet

_HEADS = {"vgg16_largefov": "classifier"}


class Localizer(ClassNet):
    """Backbone, global average pooling, linear layer with bias (docs/methods/eader.md 4).

    The localizer of EADER and, as it is an ordinary classifier, its adversary. On the ResNets its
    state dict is torchvision's, on ``vgg16_largefov`` that of EADER's ``deeplab_largefov``; hence
    the layer is called ``fc`` or ``classifier``. How PyTorch initialises a
    linear layer is how the official code starts.

    Args:
        backbone: Feature extractor.
        num_classes: Number of foreground classes C.
    """

    def __init__(self, backbone: Backbone, num_classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self._head = _HEADS.get(backbone.name, "fc")
        self.add_module(self._head, nn.Linear(backbone.channels["conv6"], num_classes))

    @property
    def head(self) -> nn.Linear:
        """The linear layer."""
        return cast(nn.Linear, self.get_submodule(self._head))

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights: the linear layer."""
        return (self.head,)

    def class_weight(self) -> Tensor:
        """Return the weights (C, D) that turn features into class maps."""
        return self.head.weight

    def classify(self, features: Tensor, size: tuple[int, int]) -> Tensor:  # noqa: ARG002
        """Classify: linear(gap(features)).

        Args:
            features: (B, D, h, w).
            size: (H, W) of the image; not used here.

        Returns:
            (B, C) logits.
        """
        return self.head(features.mean((2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        """Classify images (B, 3, H, W), normalised RGB, into logits (B, C)."""
        return self.logits(x)
