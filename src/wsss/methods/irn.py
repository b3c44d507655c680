"""IRN: the classifier behind its boundaries, trained from layer3 on.

Paper: Ahn, Cho & Kwak, Weakly Supervised Learning of Instance Segmentation with Inter-pixel
Relations, CVPR 2019.
Official code: jiwoon-ahn/irn, ``net/resnet50_cam.py``, ``step/train_cam.py`` (docs/methods/irn.md
2).

Deviations: any backbone; those but ResNets train the layers that they always train. Boundaries,
displacements and their random walk are stages of their own (``affinity.source: irn``), which go
with every method.
"""

from torch import Tensor

from wsss.config.section import MethodParams
from wsss.losses.classification import multilabel_soft_margin
from wsss.methods.base import Method
from wsss.nn.backbones import Backbone
from wsss.nn.irnet import IrnCamNet
from wsss.nn.task import Batch, Losses, Progress


class IrnParams(MethodParams):
    """Hyper-parameters of IRN's classifier, which has none."""


class Irn(Method):
    """A plain multi-label classifier without dropout."""

    Params = IrnParams
    params: IrnParams
    net: IrnCamNet

    def build(self, backbone: Backbone, num_classes: int, params: IrnParams) -> IrnCamNet:  # noqa: ARG002
        """Build the classifier."""
        return IrnCamNet(backbone, num_classes)

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
