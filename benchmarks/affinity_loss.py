"""Loss of AffinityNet: differences of shifted maps beside the gathered pairs of the originals."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks.row import Row, beside, interleaved, peak_memory
from wsss.losses.affinity import affinity_loss
from wsss.ops.affinity import pair_affinity, pair_labels
from wsss.ops.pairs import pair_indices

CELLS, CHANNELS, RADIUS, EPS = 56, 448, 5, 1e-5
BATCH, REPEATS = 8, 2

Loss = Callable[[Tensor, Tensor], Tensor]


def rows() -> Iterator[Row]:
    """Yield the row of a step."""
    plain, fast = (partial(_step, loss, *_example()) for loss in (gathered_loss, shifted_loss))
    published, ours = plain(), fast()
    worst = float((published - ours).abs().max() / published.abs().max())
    yield Row(
        f"affinity loss, forward and backward, crop 448, batch {BATCH}",
        *interleaved(plain, fast, REPEATS),
        bar=8,
        agreement=f"gradients {worst:.0e} of the largest",
        memory=beside(peak_memory(plain), peak_memory(fast), bar=8),
    )


def _example() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(BATCH, CHANNELS, CELLS, CELLS, generator=generator)
    values = torch.tensor([0, 1, 2, 255], dtype=torch.uint8)
    return features, values[torch.randint(4, (BATCH, CELLS, CELLS), generator=generator)]


def _step(loss: Loss, features: Tensor, labels: Tensor) -> Tensor:
    """Return the gradient of a loss by the features."""
    leaf = features.detach().requires_grad_()
    loss(leaf, labels).backward()
    assert leaf.grad is not None
    return leaf.grad


def shifted_loss(features: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of features (B, D, h, w) and labels (B, h, w) as the project computes it."""
    terms = affinity_loss(pair_affinity(features, RADIUS), *pair_labels(labels, RADIUS))
    return torch.stack(list(terms.values())).sum()


def gathered_loss(features: Tensor, labels: Tensor) -> Tensor:
    """Gather both cells of every pair, as `network/resnet38_aff.py` and `train_aff.py` of PSA."""
    places = pair_indices(*features.shape[2:], RADIUS)
    source, target = (one.to(features.device) for one in places)
    cells, ids = features.flatten(2), labels.flatten(1)
    here = torch.index_select(cells, 2, source)[:, :, None]
    there = torch.index_select(cells, 2, target.flatten()).unflatten(2, target.shape)
    affinity = torch.exp(-torch.mean(torch.abs(there - here), dim=1))
    first, second = ids[:, None, source], ids[:, target]
    valid = (first < 255) & (second < 255)
    same = valid & (first == second)
    kinds = (same & (first == 0), same & (first > 0), valid & ~same)
    logs = (torch.log(affinity + EPS), torch.log(affinity + EPS), torch.log(1 + EPS - affinity))
    means = [
        -(kind * log).sum() / (kind.sum() + EPS) for kind, log in zip(kinds, logs, strict=True)
    ]
    return means[0] / 4 + means[1] / 4 + means[2] / 2
