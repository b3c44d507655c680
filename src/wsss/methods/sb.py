"""SB: SEAM with a boundary branch, and class maps that are smooth within the boundaries.

Paper: Liu et al., Structure-aware Weakly Supervised Semantic Segmentation, IJCNN 2021.
Official code: Carlisle-Liu/SBNet, ``network/resnet38_SEAM_BD.py``, ``train_SB.py``,
``smoothness/__init__.py``, ``infer_SB.py`` (sb.md).

Deviations: the boundary maps of the official training were never published; here they come from
the stage ``make_boundaries`` or from the user. Any backbone. The cross entropy of the boundaries is
that of current PyTorch (logarithms cut at -100).
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field

from wsss.config.section import MethodParams, NonNegative
from wsss.losses.boundary import smoothness
from wsss.losses.classification import probability_bce
from wsss.losses.equivariance import siamese_losses
from wsss.methods.seam import Seam
from wsss.nn.backbones import Backbone
from wsss.nn.sbnet import SbNet
from wsss.nn.task import Batch, Losses, Progress
from wsss.ops.resize import resize_bilinear


class SbParams(MethodParams):
    """Hyper-parameters of SB."""

    needs: ClassVar[tuple[str, ...]] = ("boundary",)
    taps: ClassVar[tuple[str, ...]] = ("conv1", "conv3", "conv4", "conv5", "conv6")

    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Probability that a channel of the last features is dropped in training."""
    scale: float = Field(default=0.3, gt=0, le=1)
    """Size of the second view of an image in training, as a share of the first."""
    boundary: NonNegative = 0.01
    """Weight of the boundary loss."""
    smoothness: NonNegative = 1.0
    """Weight of the smoothness loss."""


class Sb(Seam):
    """SEAM whose network also draws boundaries, which its maps have to respect."""

    Params = SbParams
    params: SbParams
    net: SbNet

    def build(self, backbone: Backbone, num_classes: int, params: SbParams) -> SbNet:
        """Build the classifier with pixel correlation and boundary branch."""
        return SbNet(backbone, num_classes, params.dropout)

    def forward(self, batch: Batch, progress: Progress) -> Losses:  # noqa: ARG002
        """Take SEAM's step, and compare boundaries and smoothness of both views.

        Args:
            batch: image (B, 3, H, W), label (B, C) float and boundary (B, 1 + C, H, W) uint8,
                255 = 1, background first, zeros for absent classes.
            progress: Not used; the losses are the same at every step.

        Returns:
            ``{"net": {"cls", "rvmin", "er", "ecr", "boundary", "smoothness"}}`` (sb.md 4).
        """
        views = self.views(batch["image"])
        taps = [self.net.backbone(view) for view in views]
        maps = [self.net.activate(*pair) for pair in zip(views, taps, strict=True)]
        losses = siamese_losses(*maps, batch["label"])
        present = F.pad(batch["label"], (1, 0), value=1.0)
        sizes = [tuple(view.shape[2:]) for view in views]
        boundary = batch["boundary"].float() / 255
        true = [resize_bilinear(boundary, size, align_corners=True) for size in sizes]
        outlines = [
            probability_bce(self.net.edges(view, tap), edge * present[:, :, None, None])
            for view, tap, edge in zip(views, taps, true, strict=True)
        ]
        rough = [
            smoothness(torch.sigmoid(cam), edge, present)
            for (cam, _), edge in zip(maps, true, strict=True)
        ]
        return {
            "net": losses
            | {"boundary": self.params.boundary * sum(outlines) / 2}
            | {"smoothness": self.params.smoothness * sum(rough) / 2}
        }
