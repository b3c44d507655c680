"""ViT: class maps of the patch tokens of a vision transformer, trained with token contrast.

Paper: Ru, Zheng, Zhan & Du, Token Contrast for Weakly-Supervised Semantic Segmentation, CVPR 2023
(ToCo).
Official code: rulixiang/ToCo, ``model/model_seg_neg.py``, ``scripts/dist_train_voc_seg_neg.py``,
``utils/camutils.py`` (docs/methods/vit.md).

Deviations: without the contrast of class tokens (CTC), the segmentation head and its losses; token
labels come from the auxiliary maps of the training view alone, and the padding of a crop takes
part. Maps may be refined by the attention of the last blocks, as CLIP-ES does
(docs/methods/vit.md 6).
"""

from collections.abc import Iterable
from functools import reduce
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from wsss.config.section import MethodParams, NonNegative, Share
from wsss.errors import UserError
from wsss.losses.classification import multilabel_soft_margin
from wsss.losses.tokens import token_contrast, token_labels
from wsss.methods.base import Method
from wsss.nn.backbones import Backbone
from wsss.nn.backbones.vit import Vit as Transformer
from wsss.nn.task import Batch, Losses, Progress
from wsss.nn.vitnet import VitNet
from wsss.ops.attention import attention_affinity, refine_by_attention
from wsss.ops.cam import scale_min_max
from wsss.ops.resize import resize_bilinear

EPS = 1e-5
"""Added to the maximum of a map that is scaled to [0, 1] (docs/methods/vit.md 6)."""


class VitParams(MethodParams):
    """Hyper-parameters of a classifier on tokens; the defaults are those of ToCo's training.

    Source: docs/methods/vit.md 5.
    """

    backbones: ClassVar[Literal["any", "cnn", "vit"]] = "vit"
    scales: ClassVar[tuple[float, ...]] = (1.0, 0.5, 1.5)

    block: Annotated[int, Field(le=-1)] = -3
    """Block of the auxiliary classifier; -1 is the last one."""
    contrast: NonNegative = 0.2
    """Weight of the token contrast, which has no effect on a frozen backbone."""
    low: Share = 0.25
    """Score in an auxiliary map up to which a token is background."""
    high: Share = 0.7
    """Score in an auxiliary map above which a token has the class."""
    maps: Literal["final", "auxiliary"] = "final"
    """Classifier whose maps are the result."""
    attention: Annotated[int, Field(ge=0)] = 0
    """Last blocks whose mean attention refines the maps of every view; 0 = none."""

    @model_validator(mode="after")
    def _thresholds_ordered(self) -> "VitParams":
        if self.low > self.high:
            raise ValueError("low has to be at most high")
        return self


class Vit(Method):
    """A classifier on the final tokens, and an auxiliary one that labels them for a contrast."""

    Params = VitParams
    params: VitParams
    net: VitNet

    def build(self, backbone: Backbone, num_classes: int, params: VitParams) -> VitNet:
        """Build the classifier.

        Raises:
            UserError: The backbone is no vision transformer, or has fewer blocks than an option
                asks for.
        """
        if not isinstance(backbone, Transformer):
            raise UserError(f"method vit needs a vision transformer, not {backbone.name}")
        if params.attention > backbone.depth:
            raise UserError(f"attention: backbone {backbone.name} has {backbone.depth} blocks")
        return VitNet(backbone, num_classes, params.block)

    def forward(self, batch: Batch, progress: Progress) -> Losses:  # noqa: ARG002
        """Compute both classification losses, and the token contrast if it trains the backbone.

        Args:
            batch: image (B, 3, H, W) and label (B, C) float.
            progress: Not used; the losses are the same at every step.

        Returns:
            ``{"net": {"cls": ..., "auxiliary": ..., "contrast": ...}}``.
        """
        label, net = batch["label"], self.net
        taps = net.backbone(batch["image"])
        tokens = net.features(taps)
        losses = {
            "cls": multilabel_soft_margin(net.classify(tokens, (0, 0)), label),
            "auxiliary": multilabel_soft_margin(net.classify_early(taps), label),
        }
        if self.params.contrast and tokens.requires_grad:
            maps = net.early_maps(taps).detach().float()
            labels = token_labels(maps, label, self.params.low, self.params.high)
            losses["contrast"] = self.params.contrast * token_contrast(tokens, labels)
        return {"net": losses}

    def cam(self, image: Tensor) -> Tensor:
        """Compute the positive parts of the maps: (B, 3, H, W) to (B, C, h, w)."""
        return F.relu(self._maps(image, torch.arange(self.num_classes, device=image.device)))

    def infer(self, image: Tensor, size: tuple[int, int], classes: Tensor) -> Tensor:
        """Compute the maps (B, K, *size) of classes (K,) in a view: upsampled, then rectified.

        Source: docs/methods/vit.md 6.
        """
        return F.relu(resize_bilinear(self._maps(image, classes), size))

    @staticmethod
    def join_views(views: Iterable[Tensor], flip: bool) -> Tensor:
        """Add maps (K, H, W) over the scales, of a view and its mirrored copy their maximum."""
        found = iter(views)
        if flip:
            found = map(torch.maximum, found, found)
        return reduce(torch.add, found)

    @staticmethod
    def scale_maps(total: np.ndarray) -> np.ndarray:
        """Scale joined maps (K, H, W) by their minimum and maximum."""
        return scale_min_max(total, EPS)

    def _maps(self, image: Tensor, classes: Tensor) -> Tensor:
        """Compute signed maps (B, K, h, w), or those in [0, 1] that attention has refined."""
        backbone, blocks = self.net.backbone, self.params.attention
        taps = backbone(image) if not blocks else backbone.attend(image, blocks)
        early = self.params.maps == "auxiliary"
        maps = (self.net.early_maps if early else self.net.maps)(taps).index_select(1, classes)
        if not blocks:
            return maps
        with torch.autocast(image.device.type, enabled=False):
            affinity = attention_affinity(taps["attention"].float())
            return refine_by_attention(scale_min_max(F.relu(maps.float())), affinity)
