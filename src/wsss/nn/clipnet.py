"""Class maps of a frozen CLIP: Grad-CAM of a softmax over texts, refined by attention (CLIP-ES)."""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.errors import UserError
from wsss.io.text_features import TextFeatures
from wsss.nn.backbones.clip import ClipTower, Encoded
from wsss.nn.classnet import ClassNet
from wsss.ops.attention import EPS, attention_affinity, refine_by_attention
from wsss.ops.cam import scale_min_max
from wsss.ops.gradcam import class_maps, gradient_weights

_HUNDRED = 4.6052
"""Logarithm of the factor on the cosines of OpenAI's CLIP."""

_SAME = "make them with the text tower of the same CLIP (cam.clip_es.text_tower)"


class ClipNet(ClassNet):
    """An image tower and features of texts; the texts of classes are its classifier.

    Args:
        tower: Image tower.
        num_classes: Number of foreground classes C.
        num_words: Number of background words M.
    """

    linear: ClassVar[bool] = False

    backbone: ClipTower
    text: Tensor
    background: Tensor
    logit_scale: Tensor

    def __init__(self, tower: ClipTower, num_classes: int, num_words: int) -> None:
        super().__init__()
        self.backbone = tower
        for name, count in {"text": num_classes, "background": num_words}.items():
            self.register_buffer(name, F.normalize(torch.randn(count, tower.width), dim=1))
        self.register_buffer("logit_scale", torch.tensor(_HUNDRED))

    def from_scratch(self) -> tuple[()]:
        """Return nothing: it is not trained."""
        return ()

    def take(self, text: TextFeatures) -> None:
        """Take over the features of the texts.

        Raises:
            UserError: They belong to another tower.
        """
        tower, width = self.backbone, text.classes.shape[1]
        if width != tower.width:
            raise UserError(
                f"text features of {text.tower} have {width} numbers, those of the image tower "
                f"{tower.width}: {_SAME}"
            )
        mine = tower.fingerprint().numpy()
        if text.patch.size and not (
            text.patch.shape == mine.shape and np.allclose(text.patch, mine, rtol=0.01, atol=1e-4)
        ):
            raise UserError(f"text features of {text.tower} belong to another image tower: {_SAME}")
        found = {"text": text.classes, "background": text.background}
        for name, array in (found | {"logit_scale": text.logit_scale}).items():
            getattr(self, name).copy_(torch.as_tensor(array))

    def logits(self, x: Tensor) -> Tensor:
        """Classify images (B, 3, H, W) by all texts: the log-odds (B, C) of the softmax."""
        encoded = self.backbone.encode(x)
        tokens = self.backbone.finish(encoded.tokens, self.backbone.last_input(encoded.tokens))
        found = self._probabilities(self.backbone.embed(tokens).float(), self.every_class())
        return torch.logit(found[:, : len(self.text)], eps=1e-6)

    def every_class(self) -> Tensor:
        """Return the numbers (C,) of all classes."""
        return torch.arange(len(self.text), device=self.text.device)

    def maps(self, x: Tensor, classes: Tensor) -> Tensor:
        """Compute the maps of classes that compete with each other and the background words.

        Source: `generate_cams_voc12.py` of CLIP-ES; docs/methods/clip_es.md 3 and 4.

        Args:
            x: (B, 3, H, W) normalised RGB.
            classes: (K,) integer.

        Returns:
            (B, K, h, w) in [0, 1], at the grid of patches.
        """
        with torch.no_grad():
            encoded = self.backbone.encode(x)
        # gradients of a softmax can be tiny
        with torch.autocast(x.device.type, enabled=False):
            maps = self._grad_cam(encoded, classes)
            affinity = attention_affinity(encoded.attention)
            return refine_by_attention(maps, affinity)

    def _grad_cam(self, encoded: Encoded, classes: Tensor) -> Tensor:
        """Compute the maps (B, K, h, w) of classes (K,), before they are refined."""
        tokens = encoded.tokens.float()
        normed = self.backbone.last_input(tokens)
        features = normed[:, 1:].mT.unflatten(2, encoded.grid)

        def classify(patches: Tensor) -> Tensor:
            seen = torch.cat([normed[:, :1], patches.flatten(2).mT], 1)
            embedding = self.backbone.embed(self.backbone.finish(tokens, seen))
            return self._probabilities(embedding, classes)

        places = torch.arange(len(classes), device=tokens.device).expand(len(tokens), -1)
        weights = gradient_weights(features, classify, places)
        maps = scale_min_max(F.relu(class_maps(features, weights)), EPS)
        # once more, as published, since eps lowers maps of tiny gradients
        return scale_min_max(maps, EPS)

    def _probabilities(self, embedding: Tensor, classes: Tensor) -> Tensor:
        """Return the softmax (B, K + M) over texts of classes and background words."""
        rows = torch.cat([self.text.index_select(0, classes), self.background])
        return (self.logit_scale.exp() * embedding @ rows.mT).softmax(1)
