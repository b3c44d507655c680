"""Training of a segmenter on pseudo labels."""

from torch import nn

from wsss.losses.segmentation import cross_entropy
from wsss.nn.segmenters.deeplab_v3plus import DeepLabV3Plus
from wsss.nn.task import Batch, Clock, Losses, Task


class SegmentationTask(Task):
    """Pixel-wise cross entropy against label maps.

    Args:
        net: A segmenter, images (B, 3, H, W) to logits (B, L, H, W).
    """

    net: DeepLabV3Plus

    def __init__(self, net: DeepLabV3Plus) -> None:
        super().__init__()
        self.net = net

    def scratch(self) -> tuple[nn.Module, ...]:
        """Return the segmenter's head."""
        return self.net.scratch()

    def forward(self, batch: Batch, clock: Clock) -> Losses:  # noqa: ARG002
        """Segment and compare.

        Args:
            batch: image (B, 3, H, W) and label (B, H, W) int64, 255 = ignored.
            clock: Not used; the loss is the same at every step.

        Returns:
            ``{"net": {"ce": mean cross entropy over the pixels that count}}``.
        """
        return {"net": {"ce": cross_entropy(self.net(batch["image"]), batch["label"])}}
