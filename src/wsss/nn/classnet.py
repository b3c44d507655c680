"""Interface of the classification networks that class activation maps are computed from."""

from typing import ClassVar

from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.ops.resize import plane


class ClassNet(nn.Module):
    """A backbone and a classifier on its features.

    With these parts a method can be added to the network of any other.

    Attributes:
        backbone: Feature extractor.
        linear: The mean over space of the gradient of a logit with respect to the features is
            the row of :meth:`class_weight` over the number of cells.
    """

    linear: ClassVar[bool] = True

    backbone: Backbone

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights."""
        raise NotImplementedError

    def features(self, taps: dict[str, Tensor]) -> Tensor:
        """Return the features (B, D, h, w) that the classifier is applied to.

        The class maps are ``class_weight() @ features``.
        """
        return taps["conv6"]

    def class_weight(self) -> Tensor:
        """Return the weights (C, D) that turn features into the maps of foreground classes."""
        raise NotImplementedError

    def classify(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Classify.

        Args:
            features: (B, D, h, w) as :meth:`features` returns them.
            size: (H, W) of the image.

        Returns:
            (B, C) logits of the foreground classes.
        """
        raise NotImplementedError

    def logits(self, x: Tensor) -> Tensor:
        """Classify images (B, 3, H, W), normalised RGB, into logits (B, C)."""
        return self.classify(self.features(self.backbone(x)), plane(x))
