"""Training of AffinityNet on confident labels (docs/methods/common.md 7)."""

from torch import nn

from wsss.losses.affinity import affinity_loss
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.task import Batch, Losses, Progress, Task
from wsss.ops.affinity import pair_labels
from wsss.ops.pairs import fit_radius


class AffinityTask(Task):
    """Pull the features of equal labels together, push those of different labels apart.

    Args:
        net: The affinity network.
        radius: Pairs are nearer than this many cells (PSA: 5). Shrinks on grids that are too
            small for it, as in SEAM.
        eval_from: Step from which on the network stays in evaluation mode, hence without dropout
            (docs/methods/aeft.md 13.11); None = none.
    """

    net: AffinityNet

    def __init__(self, net: AffinityNet, radius: int = 5, eval_from: int | None = None) -> None:
        super().__init__()
        self.net = net
        self.radius = radius
        self.eval_from = eval_from

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the convolutions on top of the backbone."""
        return self.net.from_scratch()

    def forward(self, batch: Batch, progress: Progress) -> Losses:
        """Compute the loss of predicted against labelled affinities (docs/methods/common.md 7.5).

        Args:
            batch: image (B, 3, S, S) and label (B, S/8, S/8) uint8, 255 = not confident.
            progress: Its step is compared with ``eval_from``.

        Returns:
            ``{"net": {"bg", "fg", "neg"}}``, weighted 1/4, 1/4, 1/2.
        """
        if self.eval_from is not None and progress.step >= self.eval_from:
            self.net.eval()
        features = self.net.features(batch["image"])
        height, width = features.shape[2:]
        radius = fit_radius(height, width, self.radius)
        affinity = self.net.affinity(features, radius)
        return {"net": affinity_loss(affinity, *pair_labels(batch["label"], radius))}
