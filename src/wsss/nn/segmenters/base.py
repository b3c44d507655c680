"""Interface of the segmenters."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from wsss.nn.backbones import Backbone


class Segmenter(nn.Module):
    """A network that gives every pixel a logit per label.

    Attributes:
        backbone: Feature extractor.
        align_corners: How its logits are resized to the image (bilinear).
    """

    align_corners: ClassVar[bool] = True

    backbone: Backbone

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that never start from pretrained weights, such as the head."""
        raise NotImplementedError

    def rebuilt_from(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the options by which the network is built again, without its first weights.

        Args:
            options: Those that it was built with.
        """
        return options

    def official_name(self, name: str) -> str:
        """Return the name of an entry of our state dict in the published network.

        The names here are those of a published network that inherits from its backbone, so that
        our ``backbone.conv1a.weight`` is its ``conv1a.weight``. Others override this.
        """
        return name.removeprefix("backbone.")

    def forward(self, x: Tensor) -> Tensor:
        """Segment.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            (B, L, H, W) logits.
        """
        raise NotImplementedError

    def training_logits(self, x: Tensor) -> list[Tensor]:
        """Return the logits that a training compares, each with labels resized to its own size.

        Args:
            x: (B, 3, H, W) normalised RGB.

        Returns:
            Logits (B, L, h, w), not all of them of the same h and w; here those of the image.
        """
        return [self(x)]
