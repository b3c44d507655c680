"""SEAM: a siamese classifier whose maps follow the scale of the image, refined by correlation.

Paper: Wang et al., Self-supervised Equivariant Attention Mechanism for Weakly Supervised Semantic
Segmentation, CVPR 2020.
Official code: YudeWang/SEAM, ``network/resnet38_SEAM.py``, ``train_SEAM.py``, ``infer_SEAM.py``
(docs/methods/seam.md 1-5).

Deviations: any backbone; the network, the losses and the maps are the official ones.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field
from torch import Tensor

from wsss.config.section import MethodParams
from wsss.losses.equivariance import siamese_losses
from wsss.methods.base import Method
from wsss.nn.backbones import Backbone
from wsss.nn.seamnet import SeamNet
from wsss.nn.task import Batch, Losses, Progress
from wsss.ops.cam import scale_min_max_less_eps
from wsss.ops.resize import small_copy


class SeamParams(MethodParams):
    """Hyper-parameters of SEAM."""

    taps: ClassVar[tuple[str, ...]] = ("conv4", "conv5", "conv6")

    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Probability that a channel of the last features is dropped in training."""
    scale: float = Field(default=0.3, gt=0, le=1)
    """Size of the second view of an image in training, as a fraction of the first."""


class Seam(Method):
    """Classifies an image and a small copy; the maps of the one supervise those of the other."""

    Params = SeamParams
    params: SeamParams
    net: SeamNet

    def build(self, backbone: Backbone, num_classes: int, params: SeamParams) -> SeamNet:
        """Build the classifier with its pixel correlation."""
        return SeamNet(backbone, num_classes, params.dropout)

    def views(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return images (B, 3, H, W) and their small copies (docs/methods/seam.md 3)."""
        return image, small_copy(image, self.params.scale)

    def forward(self, batch: Batch, progress: Progress) -> Losses:  # noqa: ARG002
        """Compute the losses of the maps of both views against the labels and each other.

        Args:
            batch: image (B, 3, H, W) and label (B, C) float.
            progress: Not used; the losses are the same at every step.

        Returns:
            ``{"net": {"cls": ..., "rvmin": ..., "er": ..., "ecr": ...}}``, see
            :func:`wsss.losses.equivariance.siamese_losses`.
        """
        first, second = (self.net(view) for view in self.views(batch["image"]))
        return {"net": siamese_losses(first, second, batch["label"])}

    def cam(self, image: Tensor) -> Tensor:
        """Compute the refined maps of the classes at the size of the view: to (B, C, H, W).

        Every class competes in the refinement; the labels select only afterwards
        (docs/methods/seam.md 5).
        """
        return self.net(image)[1][:, 1:]

    @staticmethod
    def scale_maps(total: np.ndarray) -> np.ndarray:
        """Scale summed maps (K, H, W) between their minimum and maximum.

        Source: docs/methods/seam.md 5.
        """
        return scale_min_max_less_eps(total)
