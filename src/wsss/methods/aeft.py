"""AEFT: adversarial erasing as metric learning, on a classifier with gated pyramid pooling.

Paper: Yoon, Kweon, Cho, Kim & Yoon, Adversarial Erasing Framework via Triplet with Gated Pyramid
Pooling Layer for Weakly Supervised Semantic Segmentation, ECCV 2022.
Official code: KAIST-vilab/AEFT, ``train.py``, ``models/model_aeft_gpp.py``,
``networks/resnet38d.py``, ``infer.py`` (docs/methods/aeft.md).

Deviations: negatives are drawn uniformly, and an image without a label-disjoint partner takes no
part in the repulsion (docs/methods/aeft.md 13, note 8); any backbone. With several processes each
looks for partners within its own share of the batch. Momentum (note 1) and the single rate for all
layers are matters of the configuration.
"""

import math
from collections.abc import Iterator
from typing import Self

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from wsss.config.section import Count, MethodParams, NonNegative, Positive
from wsss.config.training import ClassifierTrain
from wsss.losses.classification import multilabel_soft_margin
from wsss.losses.triplet import (
    attraction,
    erasing_mask,
    pick_negatives,
    presence,
    repulsion,
    residue,
)
from wsss.methods.base import Method
from wsss.nn.aeftnet import AeftNet
from wsss.nn.backbones import Backbone
from wsss.nn.heads.gpp import signed_score
from wsss.nn.task import Batch, Losses, Progress
from wsss.ops.resize import plane, resize_bilinear


class AeftParams(MethodParams):
    """Hyper-parameters of AEFT; the defaults are those of its ``train.py``.

    Source: docs/methods/aeft.md 2.1.

    But ``start`` (there epoch 18 of 40) and ``batch_size`` (32) fit the default training.
    """

    backbone_dropout: float = Field(default=0.2, ge=0, lt=1)
    """Probability that a channel inside the backbone is dropped, where it has channel dropout."""
    start: int = Field(default=5, ge=0)
    """First epoch, counted from 0, with the triplet losses; before it, labels alone."""
    batch_size: Count = 16
    """Images per step from that epoch on."""
    classified: Count = 8
    """Number of these images that the classification loss sees."""
    erase: float = Field(default=0.6, gt=0, le=1)
    """Activation from which a pixel is erased in the positive image (t_H)."""
    residual: float = Field(default=0.2, gt=0, le=1)
    """Activation below which a cell belongs to the residual region of the anchor (t_L)."""
    margin: Positive = 0.5
    """Squared distance that an anchor and its negative should have."""
    attraction: NonNegative = 0.2
    """Weight of the loss that draws an image and its erased copy together."""
    repulsion: NonNegative = 0.15
    """Weight of the loss that drives an image and its negative apart."""

    def problems(self, train: ClassifierTrain) -> Iterator[tuple[str, str]]:
        """Yield (option, mistake in it) for a training."""
        if not train.steps and self.start >= train.epochs:
            yield "start", f"must be less than cam.train.epochs, {train.epochs} (got {self.start})"
        if self.classified > self.batch_size:
            yield "classified", f"cannot exceed batch_size, {self.batch_size}"
        if self.repulsion > 0 and self.batch_size < 5:
            yield "batch_size", "the repulsion acts on 5 images or more"

    def length_problem(self, steps: int, epochs: int) -> str:  # noqa: ARG002
        """Return that there are no triplet losses in so many epochs; empty if there are."""
        if epochs > self.start:
            return ""
        return f"cam.aeft.start: no epoch is left to the triplets (epochs: {epochs})"

    def brief(self, batch_size: int) -> Self:
        """Return options for steps with the triplet losses, of so many images."""
        classified = min(self.classified, batch_size)
        new = {"start": 0, "batch_size": batch_size, "classified": classified}
        return self.model_copy(update=new)


class Aeft(Method):
    """A classifier with gated pyramid pooling, from some epoch on trained with triplets."""

    Params = AeftParams
    params: AeftParams
    net: AeftNet

    def build(self, backbone: Backbone, num_classes: int, params: AeftParams) -> AeftNet:
        """Build the classifier."""
        return AeftNet(backbone, num_classes, params.backbone_dropout)

    def batch_size(self, base: int, epoch: int) -> int:
        """Return the configured size, ``params.batch_size`` once the triplet is learnt."""
        return base if epoch < self.params.start else self.params.batch_size

    def forward(self, batch: Batch, progress: Progress) -> Losses:
        """Compute the classification loss, from ``params.start`` on with the triplet losses.

        Args:
            batch: image (B, 3, H, W) and label (B, C) float.
            progress: The epoch decides which losses there are.

        Returns:
            ``{"net": {"cls": ...}}``, in the second part with ``attraction`` and ``repulsion``.
        """
        image, label = batch["image"], batch["label"]
        if progress.epoch >= self.params.start:
            return {"net": self.triplet_losses(image, label, *pick_negatives(label))}
        features = self.net.features(self.net.backbone(image))
        logits = self.net.classify(features, plane(image))
        return {"net": {"cls": multilabel_soft_margin(logits, label)}}

    def triplet_losses(
        self, image: Tensor, label: Tensor, anchors: Tensor, negatives: Tensor
    ) -> dict[str, Tensor]:
        """Compute the losses of a step of the second part (docs/methods/aeft.md 6, 7).

        Args:
            image: (B, 3, H, W) normalised RGB.
            label: (B, C) float.
            anchors: (N,) int64, the images that have a negative.
            negatives: (N,) int64, their negatives.

        Returns:
            Weighted scalars ``cls``, ``attraction`` and ``repulsion``.
        """
        # maps (B, C, h, w) of the images and of their erased copies
        params = self.params
        cam, pooled = self._maps(image)
        erased = image * erasing_mask(cam, label, plane(image), params.erase)
        _, pooled_erased = self._maps(erased)

        # attraction of an image and its erased copy, embeddings (B, C)
        attract = attraction(presence(pooled, label), presence(pooled_erased, label))

        # repulsion of the N anchors' residual regions and their negatives
        residual = residue(cam, pooled, label, params.residual)
        whole = residue(cam, pooled, label, 1.0)
        repulse = repulsion(residual[anchors], whole[negatives], params.margin)

        # every process classifies the same share of its part of the batch
        classified = math.ceil(len(image) * params.classified / params.batch_size)
        return {
            "cls": multilabel_soft_margin(
                signed_score(cam, pooled)[:classified], label[:classified]
            ),
            "attraction": params.attraction * attract,
            "repulsion": params.repulsion * repulse,
        }

    def cam(self, image: Tensor) -> Tensor:
        """Compute relu(fc9(relu(fc8(conv6)))): (B, 3, H, W) to (B, C, h, w)."""
        return F.relu(self.net.cam(image))

    def infer(self, image: Tensor, size: tuple[int, int], classes: Tensor) -> Tensor:
        """Compute the maps (B, K, *size) of classes (K,) in a view: upsampled, then rectified.

        Source: docs/methods/aeft.md 8.
        """
        return F.relu(resize_bilinear(self.net.cam(image).index_select(1, classes), size))

    def _maps(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.net.maps(self.net.features(self.net.backbone(image)))
