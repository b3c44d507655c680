"""EADER: a localizer learns to attend to everything by which an adversary recognises a class.

Paper: Stammes, Runia, Hofmann & Ghafoorian, Find it if You Can: End-to-End Adversarial Erasing for
Weakly-Supervised Semantic Segmentation, arXiv 2011.04626, 2020.
Official code: ErikStammes/EADER, ``train.py``, ``attention_map_wrapper.py``
(docs/methods/eader.md).

Deviations: any backbone; an adversary's step does not compute the gradients that the official code
discards (docs/methods/eader.md 9); maps are computed with the running statistics of BatchNorm,
while the official ``--evaluate`` leaves the networks in training mode (docs/methods/eader.md 16.1).
Grad-CAM of a network that is not linear behind its features samples its dropout again. Added to
another method it is the published "PSA w/ EADER" with the add-on's settings as reconstructed in
docs/methods/eader.md 14.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from wsss.config.backbones import BackboneOptions
from wsss.config.section import Count, MethodParams, NonNegative, Positive, Share
from wsss.config.training import ClassifierTrain
from wsss.losses.classification import probability_bce
from wsss.losses.erasing import attention_area, attention_mining
from wsss.methods.base import Method
from wsss.nn.backbones import Backbone
from wsss.nn.localizer import Localizer
from wsss.nn.task import Batch, Losses, Progress
from wsss.ops.cam import scale_min_max
from wsss.ops.erase import erase, soft_mask
from wsss.ops.gradcam import class_maps, gradient_weights, pair_order, ranked_classes
from wsss.ops.resize import plane, resize_bilinear


class EaderParams(MethodParams):
    """Hyper-parameters of adversarial erasing; the defaults are the official ones but the turns.

    Official turns are 200 steps long, as 10582 images need them.
    """

    addon: ClassVar[bool] = True
    mode: Literal["adversary", "shared", "none"] = "adversary"
    """Classifier of the erased images: a network of its own, the localizer itself, or none."""
    attention: Literal["gcam", "cam"] = "gcam"
    """Grad-CAM (constant weights, rectified) or CAM (trained weights, signed)."""
    alpha: NonNegative = 0.05
    """Weight of the attention-mining loss."""
    beta: NonNegative = 1e-5
    """Weight of the mean attention; 0 leaves it out."""
    mask_omega: Positive = 100.0
    """Steepness of the soft mask."""
    mask_sigma: Share = 0.5
    """Attention at which half of a pixel is erased."""
    localizer_steps: Count = 20
    """Steps of the localizer before the adversary's turn."""
    adversary_steps: Count = 20
    """Steps of the adversary before the localizer's turn."""
    adversary: BackboneOptions | None = None
    """The adversary's backbone (official: resnet18); null = another one like the run's."""
    adversary_optimizer: Literal["sgd", "adamw"] = "sgd"
    """Optimiser of the adversary."""
    adversary_lr: Positive = 0.01
    """Learning rate of the adversary; it stays constant."""
    adversary_momentum: Share = 0.9
    """Momentum of the adversary."""
    adversary_weight_decay: NonNegative = 1e-4
    """L2 penalty of the adversary's weights, biases included."""

    def further_backbones(self) -> dict[str, BackboneOptions | None]:
        """Return the adversary's backbone, if there is an adversary."""
        return {"adversary": self.adversary} if self.mode == "adversary" else {}

    def problems(self, train: ClassifierTrain) -> Iterator[tuple[str, str]]:
        """Yield (option, mistake in it) for a training."""
        stopping = train.early_stopping
        waits = stopping.every * stopping.patience if stopping else self.adversary_steps + 1
        if self.mode == "adversary" and waits <= self.adversary_steps:
            yield (
                "adversary_steps",
                f"cam.train.early_stopping ends a training after {waits} steps without progress of "
                "the localizer; raise its every or patience",
            )

    def length_problem(self, steps: int, epochs: int) -> str:  # noqa: ARG002
        """Return that the adversary never has its turn in so many steps; empty if it has."""
        if self.mode != "adversary" or steps > self.localizer_steps:
            return ""
        return f"cam.eader.localizer_steps: no turn is left to the adversary in {steps} steps"

    def brief(self, batch_size: int) -> Self:  # noqa: ARG002
        """Return options for turns of one step, as both players have equally many by default."""
        return self.model_copy(update={"localizer_steps": 1, "adversary_steps": 1})


class Attention(NamedTuple):
    """Attention of the localizer, one map per (image, class) pair.

    Attributes:
        maps: (N, 1, H, W) in [0, 1].
        image: (N,) int64, position of the image in the batch.
        target: (N,) int64, class.
    """

    maps: Tensor
    image: Tensor
    target: Tensor


class Eader(Method):
    """A classifier and its adversary, in turns of a fixed number of steps.

    Source: docs/methods/eader.md 8, 9.

    In its turn the localizer learns the labels, and to erase a class so that the adversary does not
    recognise it any more; in the other turn the adversary learns to recognise it nevertheless. The
    BatchNorm statistics of both are updated in every step. Without a backbone for it (at inference)
    there is no adversary.
    """

    Params = EaderParams
    params: EaderParams
    net: Localizer
    adversary: Localizer | None

    def build(self, backbone: Backbone, num_classes: int, params: EaderParams) -> Localizer:  # noqa: ARG002
        """Build the localizer."""
        return Localizer(backbone, num_classes)

    def add_parts(self, parts: Mapping[str, Backbone]) -> None:
        """Build the adversary on ``parts["adversary"]``, if there is to be one."""
        wanted = parts.keys() & self.params.further_backbones().keys()
        self.adversary = Localizer(parts["adversary"], self.num_classes) if wanted else None

    def players(self) -> dict[str, torch.nn.Module]:
        """Return the localizer, ``net``, and the ``adversary``."""
        return super().players() | ({"adversary": self.adversary} if self.adversary else {})

    def train_overrides(self) -> dict[str, dict[str, object]]:
        """Return the adversary's optimiser: one rate for all parameters, constant.

        Source: docs/methods/eader.md 10.
        """
        if self.adversary is None:
            return {}
        return {
            "adversary": {
                "optimizer": self.params.adversary_optimizer,
                "lr": self.params.adversary_lr,
                "head_lr_factor": 1.0,
                "bias_lr_factor": 1.0,
                "decay_biases": True,
                "momentum": self.params.adversary_momentum,
                "weight_decay": self.params.adversary_weight_decay,
                "poly_power": 0.0,
            }
        }

    def check(self, total: int, epochs: int) -> None:
        """Raise a UserError if the adversary never has its turn in so many steps."""
        if self.adversary is not None:
            super().check(total, epochs)

    def owns_step(self, progress: Progress) -> bool:
        """True if it is the adversary's turn; turns go on across epochs.

        Source: docs/methods/eader.md 8.
        """
        return self.adversary is not None and self._adversary_turn(progress)

    def _adversary_turn(self, progress: Progress) -> bool:
        localizer = self.params.localizer_steps
        return progress.step % (localizer + self.params.adversary_steps) >= localizer

    def forward(self, batch: Batch, progress: Progress) -> Losses:
        """Compute the losses of the player whose turn it is.

        Args:
            batch: image (B, 3, H, W) and label (B, C) float.
            progress: Its step decides whose turn it is.

        Returns:
            ``{"net": {"cls": classification, "am": .., "reg": ..}}`` or
            ``{"adversary": {"adv": ..}}``, see :meth:`addon_losses`.
        """
        image = batch["image"]
        if self.owns_step(progress):
            with torch.no_grad():
                features = self.features(image)
            return self.addon_losses(batch, progress, features)
        features = self.features(image)
        logits = self.net.classify(features, plane(image))
        cls = probability_bce(logits, batch["label"])
        return {"net": {"cls": cls} | self.addon_losses(batch, progress, features)["net"]}

    def features(self, image: Tensor) -> Tensor:
        """Compute the features that the maps are linear in: (B, 3, H, W) to (B, D, h, w)."""
        return self.net.features(self.net.backbone(image))

    def addon_losses(self, batch: Batch, progress: Progress, features: Tensor) -> Losses:
        """Return the losses of erasing.

        Args:
            batch: image (B, 3, H, W) and label (B, C) float.
            progress: Its step decides whose turn it is.
            features: (B, D, h, w) of the network for the images; constant in the adversary's turn.

        Returns:
            ``{"net": {"am": alpha x attention mining, "reg": beta x mean attention}}`` or
            ``{"adversary": {"adv": binary cross entropy of the erased images}}``.
        """
        # adversary's turn: classify images (N, 3, H, W) erased by constant attention
        if self.adversary is not None and self._adversary_turn(progress):
            with torch.no_grad():
                attention = self.attend(batch, features)
                erased = self.erase(batch, attention)
            logits = self.adversary(erased)
            return {"adversary": {"adv": probability_bce(logits, batch["label"][attention.image])}}

        # localizer's turn: attention mining and area
        attention = self.attend(batch, features)
        losses = {}
        scores = self.score_erased(self.erase(batch, attention))
        if scores is not None:
            losses["am"] = self.params.alpha * attention_mining(scores, attention.target)
        if self.params.beta > 0:
            losses["reg"] = self.params.beta * attention_area(attention.maps)
        return {"net": losses}

    def attend(self, batch: Batch, features: Tensor) -> Attention:
        """Compute the attention to every class of every image (docs/methods/eader.md 5.1, 5.2).

        Args:
            batch: image (B, 3, H, W) and label (B, C).
            features: (B, D, h, w) of the network for the images.
        """
        size = plane(batch["image"])
        # classes of every image (B, R), weights of their maps (B, R, D)
        classes = ranked_classes(batch["label"])
        gcam = self.params.attention == "gcam"
        if gcam and not self.net.linear:
            weights = gradient_weights(features, lambda f: self.net.classify(f, size), classes)
        else:
            # the factor 1 / (h w) of the gradient is missing: scale_min_max cancels it
            weights = self.net.class_weight()[classes.clamp(min=0)]

        # maps (B, R, h, w), then those of the N pairs at image size (N, 1, H, W)
        maps = class_maps(features, weights.detach() if gcam else weights)
        image, rank = pair_order(classes, "rank" if gcam else "image")
        maps = (F.relu(maps) if gcam else maps)[image, rank]
        return Attention(
            scale_min_max(resize_bilinear(maps[:, None], size)), image, classes[image, rank]
        )

    def erase(self, batch: Batch, attention: Attention) -> Tensor:
        """Erase the attended pixels of each pair's image: (N, 3, H, W)."""
        mask = soft_mask(attention.maps, self.params.mask_omega, self.params.mask_sigma)
        return erase(batch["image"][attention.image], mask)

    def score_erased(self, erased: Tensor) -> Tensor | None:
        """Score erased images (N, 3, H, W) for the attention-mining loss.

        Returns:
            (N, C) probabilities of the adversary, whose parameters are constants here, or the
            localizer's own *logits* (published so, docs/methods/eader.md 11); None if nobody scores
            them.
        """
        if self.adversary is not None:
            frozen = {name: p.detach() for name, p in self.adversary.named_parameters()}
            return torch.sigmoid(functional_call(self.adversary, frozen, (erased,)).float())
        if self.params.mode == "shared":
            return self.net.classify(self.features(erased), plane(erased))
        return None

    def cam(self, image: Tensor) -> Tensor:
        """Compute the maps of all classes.

        Args:
            image: (B, 3, H, W) normalised RGB.

        Returns:
            (B, C, h, w): Grad-CAM, >= 0, up to the factor 1 / (h w); with ``attention: cam`` the
            signed maps, of which :meth:`scale_maps` lifts the lowest value to 0.
        """
        maps = class_maps(self.features(image), self.net.class_weight())
        return F.relu(maps) if self.params.attention == "gcam" else maps

    @staticmethod
    def scale_maps(total: np.ndarray) -> np.ndarray:
        """Scale each of the summed maps (K, H, W) to [0, 1] (docs/methods/eader.md 5.1)."""
        return scale_min_max(total)
