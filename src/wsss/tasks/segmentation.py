"""Training of a segmenter on pseudo labels."""

from typing import Self

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from wsss.losses.segmentation import LOSSES, multiscale_cross_entropy
from wsss.nn.segmenters.base import Segmenter
from wsss.nn.task import Batch, Losses, Progress, Task


class SegmentationTask(Task):
    """Pixel-wise cross entropy against label maps.

    Args:
        net: A segmenter, images (B, 3, H, W) to logits (B, L, H, W).
        loss: Cross entropy, a name of :data:`wsss.losses.segmentation.LOSSES`.
        batch_size: Images per step; ``per_image`` divides the loss by it.
        freeze: What is not trained. ``backbone``: what the backbone holds by itself. ``norms``:
            every BatchNorm keeps statistics and factors. ``affine``: their factors stay, the
            statistics are those of the batch (DeepLab v1, docs/methods/retrain.md A5.1).
            ``nothing``. ``all``: the whole backbone.
    """

    net: Segmenter

    def __init__(
        self, net: Segmenter, loss: str = "mean", freeze: str = "backbone", batch_size: int = 1
    ) -> None:
        super().__init__()
        self.net = net
        self._loss = LOSSES[loss]
        self._divisor = batch_size if loss == "per_image" else 1
        self._freeze = freeze
        if freeze == "all":
            net.backbone.hold()
        elif freeze != "backbone":
            net.backbone.unfreeze()
        if freeze in ("norms", "affine"):
            for norm in self._norms():
                norm.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Switch the mode; BatchNorms that are held stay in evaluation mode."""
        super().train(mode)
        if self._freeze == "norms":
            for norm in self._norms():
                norm.eval()
        return self

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the segmenter's head."""
        return self.net.from_scratch()

    def forward(self, batch: Batch, progress: Progress) -> Losses:  # noqa: ARG002
        """Compute the cross entropy of the predicted labels.

        Args:
            batch: image (B, 3, H, W) and label (B, H, W) of any integer type, 255 = ignored.
            progress: Not used; the loss is the same at every step.

        Returns:
            ``{"net": {"ce": mean cross entropy}}``; with several logits, as DeepLab v2 trains
            them, ``ce0``, ``ce1``, ... for each.
        """
        logits = self.net.training_logits(batch["image"])
        compared = multiscale_cross_entropy(logits, batch["label"].long(), self._loss)
        losses = [loss / self._divisor for loss in compared]
        if len(losses) == 1:
            return {"net": {"ce": losses[0]}}
        return {"net": {f"ce{number}": loss for number, loss in enumerate(losses)}}

    def _norms(self) -> list[nn.Module]:
        return [module for module in self.net.modules() if isinstance(module, _BatchNorm)]
