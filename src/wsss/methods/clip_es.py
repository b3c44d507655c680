"""CLIP-ES: class maps of a frozen CLIP, which texts for classes and backgrounds compete for.

Paper: Lin et al., CLIP is Also an Efficient Segmenter: A Text-Driven Approach for Weakly Supervised
Semantic Segmentation, CVPR 2023.
Official code: linyq2117/CLIP-ES, ``generate_cams_voc12.py`` (docs/methods/clip_es.md).

Deviations: any image tower of CLIP in timm; 32 bits; background words that are classes are left
out; maps are kept at a quarter of the image's size. Nothing is trained, hence no losses.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from torch import Tensor

from wsss.config.section import MethodParams
from wsss.config.text import TextParams
from wsss.errors import UserError
from wsss.io.text_features import TextFeatures
from wsss.methods.base import Method
from wsss.nn.backbones import Backbone
from wsss.nn.backbones.clip import ClipTower
from wsss.nn.clipnet import ClipNet
from wsss.nn.task import Batch, Losses, Progress
from wsss.ops.resize import resize_bilinear


class ClipEsParams(TextParams):
    """Options of CLIP-ES, which are those of its texts; the defaults are the official ones."""

    trained: ClassVar[bool] = False
    scales: ClassVar[tuple[float, ...]] = (1.0,)
    flip: ClassVar[bool] = False


class ClipEs(Method):
    """Grad-CAM of the softmax over texts, spread along the attention between patches."""

    Params = ClipEsParams
    params: ClipEsParams
    net: ClipNet

    def build(self, backbone: Backbone, num_classes: int, params: ClipEsParams) -> ClipNet:
        """Build the network, with random features of texts."""
        if not isinstance(backbone, ClipTower):
            raise UserError(f"method clip_es needs an image tower of CLIP, not {backbone.name}")
        return ClipNet(backbone, num_classes, len(params.background))

    @classmethod
    def published(
        cls,
        parts: Mapping[str, Backbone],
        num_classes: int,
        params: MethodParams,
        text: TextFeatures | None,
    ) -> Self:
        """Build the network from the tower and features of texts; None = random ones."""
        assert isinstance(params, TextParams)
        if text is not None:
            params = params.model_copy(update={"background": [*text.words]})
        method = cls(parts["tower"], num_classes, params)
        if text is not None:
            method.net.take(text)
        return method

    def forward(self, batch: Batch, progress: Progress) -> Losses:
        """Nothing is trained."""
        raise NotImplementedError("clip_es is not trained")

    def cam(self, image: Tensor) -> Tensor:
        """Compute the maps of all classes: (B, 3, H, W) to (B, C, h, w)."""
        return self.net.maps(image, self.net.every_class())

    def infer(self, image: Tensor, size: tuple[int, int], classes: Tensor) -> Tensor:
        """Compute the maps of the classes present, which alone compete with the background."""
        return resize_bilinear(self.net.maps(image, classes), size)

    @staticmethod
    def scale_maps(total: np.ndarray) -> np.ndarray:
        """Scale maps (K, H, W): those of one view stay as they are, sums end at 1."""
        return total / np.maximum(total.max(axis=(1, 2), keepdims=True), 1)
