"""PSA: classification with global average pooling, CAMs from its classifier.

Paper: Ahn & Kwak, Learning Pixel-level Semantic Affinity with Image-level Supervision for
Weakly Supervised Semantic Segmentation, CVPR 2018.
Official code: jiwoon-ahn/psa, ``network/resnet38_cls.py``, ``train_cls.py`` (docs/methods/psa.md 1,
3).

Deviations: any backbone; the network, the loss and the maps are the official ones. The affinity
network and the random walk of the paper are stages of their own, shared by all methods.
"""

from pydantic import Field
from torch import Tensor

from wsss.config.section import MethodParams
from wsss.losses.classification import multilabel_soft_margin
from wsss.methods.base import Method
from wsss.nn.backbones import Backbone
from wsss.nn.camnet import CamNet
from wsss.nn.task import Batch, Losses, Progress


class PsaParams(MethodParams):
    """Hyper-parameters of PSA's classifier."""

    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Probability that a channel of the last features is dropped in training."""


class Psa(Method):
    """A plain multi-label classifier; its class weights on the feature map are the CAM."""

    Params = PsaParams
    params: PsaParams
    net: CamNet

    def build(self, backbone: Backbone, num_classes: int, params: PsaParams) -> CamNet:
        """Build the classifier."""
        return CamNet(backbone, num_classes, params.dropout)

    def forward(self, batch: Batch, progress: Progress) -> Losses:  # noqa: ARG002
        """Compute the classification loss against the image labels.

        Args:
            batch: image (B, 3, H, W) and label (B, C) float.
            progress: Not used; the loss is the same at every step.

        Returns:
            ``{"net": {"cls": mean binary cross entropy}}``.
        """
        logits = self.net.logits(batch["image"])
        return {"net": {"cls": multilabel_soft_margin(logits, batch["label"])}}

    def cam(self, image: Tensor) -> Tensor:
        """Compute relu(fc8(conv6)): (B, 3, H, W) to (B, C, h, w)."""
        return self.net.cam(image)
