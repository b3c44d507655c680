"""Training of IRNet on labels of class activation maps (docs/methods/irn.md 5)."""

from torch import nn

from wsss.losses.affinity import affinity_loss
from wsss.losses.displacement import displacement_loss
from wsss.nn.irnet import CELL, IRNet
from wsss.nn.task import Batch, Losses, Progress, Task
from wsss.ops.affinity import pair_labels
from wsss.ops.pairs import fit_radius
from wsss.ops.paths import path_affinity


class IrnTask(Task):
    """Put boundaries between different labels, and let displacements meet within a class.

    Args:
        net: The network.
        radius: Pairs are nearer than this many cells (IRN: 10). Shrinks on grids that are too
            small for it.
    """

    net: IRNet

    def __init__(self, net: IRNet, radius: int = 10) -> None:
        super().__init__()
        self.net = net
        self.radius = radius

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the head of the displacements."""
        return self.net.from_scratch()

    def forward(self, batch: Batch, progress: Progress) -> Losses:  # noqa: ARG002
        """Compute the losses of affinities and displacements.

        Args:
            batch: image (B, 3, S, S) and label (B, S, S) uint8, 255 = ignored, which is reduced to
                the pixels at the centres of the cells.
            progress: Not used; the loss is the same at every step.

        Returns:
            ``{"net": {"bg", "fg", "neg", "dp_fg", "dp_bg"}}``, weighted 1/4, 1/4, and 1/2 each.
        """
        taps = self.net.taps(batch["image"])
        edge, dp = self.net.edges(taps).float().sigmoid()[:, 0], self.net.displacements(taps)
        height, width = edge.shape[1:]
        radius = fit_radius(height, width, self.radius)
        middle = slice(CELL // 2, None, CELL)
        bg, fg, neg = pair_labels(batch["label"][:, middle, middle], radius)
        losses = affinity_loss(path_affinity(edge, radius), bg, fg, neg)
        return {"net": losses | displacement_loss(dp, bg, fg, radius)}
