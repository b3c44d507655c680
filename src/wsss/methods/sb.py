"""SB: SEAM with a boundary branch, and class maps that are smooth within the boundaries.

Paper: Liu et al., Learning Structure-Aware Semantic Segmentation with Image-Level Supervision,
IJCNN 2021.
Official code: Carlisle-Liu/SBNet, ``network/resnet38_SEAM_BD.py``, ``train_SB.py``,
``smoothness/__init__.py``, ``infer_SB.py`` (docs/methods/sb.md).

Deviations: the boundary maps of the official training were never published; here they come from
the stage ``make_boundaries`` or from the user. Any backbone. The cross entropy of the boundaries is
that of current PyTorch (logarithms cut at -100).
"""

from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from wsss.config.section import MethodParams, NonNegative
from wsss.losses.boundary import smoothness
from wsss.losses.classification import probability_bce
from wsss.losses.equivariance import siamese_losses
from wsss.methods.base import Method
from wsss.nn.backbones import Backbone
from wsss.nn.sbnet import SbNet
from wsss.nn.task import Batch, Losses, Progress
from wsss.ops.cam import scale_min_max_less_eps
from wsss.ops.resize import plane, resize_bilinear, small_copy


class SbParams(MethodParams):
    """Hyper-parameters of SB."""

    needs: ClassVar[tuple[Literal["boundary"], ...]] = ("boundary",)
    backbones: ClassVar[Literal["any", "cnn", "vit"]] = "cnn"
    taps: ClassVar[tuple[str, ...]] = ("conv1", "conv3", "conv4", "conv5", "conv6")

    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Probability that a channel of the last features is dropped in training."""
    scale: float = Field(default=0.3, gt=0, le=1)
    """Size of the second view of an image in training, as a fraction of the first."""
    boundary: NonNegative = 0.01
    """Weight of the boundary loss."""
    smoothness: NonNegative = 1.0
    """Weight of the smoothness loss."""


class Sb(Method):
    """SEAM whose network also predicts boundaries, which its maps have to respect."""

    Params = SbParams
    params: SbParams
    net: SbNet

    def build(self, backbone: Backbone, num_classes: int, params: SbParams) -> SbNet:
        """Build the classifier with pixel correlation and boundary branch."""
        return SbNet(backbone, num_classes, params.dropout)

    def views(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return images (B, 3, H, W) and their small copies (docs/methods/seam.md 3)."""
        return image, small_copy(image, self.params.scale)

    def forward(self, batch: Batch, progress: Progress) -> Losses:  # noqa: ARG002
        """Compute the losses of SEAM, and those of boundaries and smoothness of both views.

        Args:
            batch: image (B, 3, H, W), label (B, C) float and boundary (B, 1 + C, H, W) uint8,
                255 = 1, background first, zeros for absent classes.
            progress: Not used; the losses are the same at every step.

        Returns:
            ``{"net": {"cls", "rvmin", "er", "ecr", "boundary", "smoothness"}}``
            (docs/methods/sb.md 4).
        """
        # both views: taps, then class maps and refined maps (B, 1 + C, H, W) and (B, 1 + C, h, w)
        views = self.views(batch["image"])
        taps = [self.net.backbone(view) for view in views]
        first, second = (self.net.activate(*pair) for pair in zip(views, taps, strict=True))
        losses = siamese_losses(first, second, batch["label"])

        # labels with background (B, 1 + C), boundary maps at the size of each view
        present = F.pad(batch["label"], (1, 0), value=1.0)
        boundary = batch["boundary"].float() / 255
        true = [resize_bilinear(boundary, plane(view), align_corners=True) for view in views]

        # boundary loss per view, against the boundaries of the labelled classes
        outlines = [
            probability_bce(self.net.edges(view, tap), edge * present[:, :, None, None])
            for view, tap, edge in zip(views, taps, true, strict=True)
        ]

        # smoothness of the class probabilities within the boundaries
        rough = [
            smoothness(torch.sigmoid(cam), edge, present)
            for (cam, _), edge in zip((first, second), true, strict=True)
        ]
        losses["boundary"] = self.params.boundary * (outlines[0] + outlines[1]) / 2
        losses["smoothness"] = self.params.smoothness * (rough[0] + rough[1]) / 2
        return {"net": losses}

    def cam(self, image: Tensor) -> Tensor:
        """Compute the refined maps of the classes at the size of the view: to (B, C, H, W)."""
        return self.net(image)[1][:, 1:]

    @staticmethod
    def scale_maps(total: np.ndarray) -> np.ndarray:
        """Scale summed maps (K, H, W) as SEAM does (docs/methods/sb.md 6)."""
        return scale_min_max_less_eps(total)
