"""The classification network of SB: SEAM's with a boundary branch.

Source: ``network/resnet38_SEAM_BD.py`` of Carlisle-Liu/SBNet (Liu et al., IJCNN 2021);
docs/methods/sb.md 2.
"""

import torch
from torch import Tensor, nn

from wsss.nn.backbones import Backbone
from wsss.nn.heads.boundary import BoundaryHead
from wsss.nn.seamnet import SeamNet
from wsss.ops.edges import canny
from wsss.ops.resize import plane, resize_bilinear


class SbNet(SeamNet):
    """SEAM's network, and boundary maps fused with the edges of the image.

    The boundary branch trains the backbone, too, at the rate of pretrained layers: it is none of
    the modules of ``from_scratch`` (docs/methods/sb.md 2.4).

    Args:
        backbone: Feature extractor; its ``edge_taps`` feed the branch.
        num_classes: Number of foreground classes C.
        dropout: Probability that a channel of the last features is dropped in training.
    """

    def __init__(self, backbone: Backbone, num_classes: int, dropout: float = 0.5) -> None:
        super().__init__(backbone, num_classes, dropout)
        labels = num_classes + 1
        channels = [backbone.channels[tap] for tap in backbone.edge_taps]
        self.edge_layer = BoundaryHead(channels, labels)
        self.fuse_canny_edge = nn.Conv2d(2 * labels, labels, 1, bias=False)

    def semantic_edges(self, x: Tensor, taps: dict[str, Tensor]) -> Tensor:
        """Compute the branch's boundary logits before Canny: (B, 1 + C, H, W) of x (B, 3, H, W)."""
        edges = self.edge_layer([taps[tap] for tap in self.backbone.edge_taps])
        return resize_bilinear(edges.float(), plane(x), align_corners=True)

    def edges(self, x: Tensor, taps: dict[str, Tensor]) -> Tensor:
        """Compute boundary logits: the branch fused with Canny's edges, 0 and 255 as they are.

        Args:
            x: (B, 3, H, W) normalised RGB.
            taps: The backbone's taps of it.

        Returns:
            (B, 1 + C, H, W), background first.
        """
        semantic = self.semantic_edges(x, taps)
        image = canny(x).expand_as(semantic)
        # 255 times a weight needs more than half precision
        with torch.autocast(x.device.type, enabled=False):
            return self.fuse_canny_edge(torch.cat([semantic, image], dim=1))
