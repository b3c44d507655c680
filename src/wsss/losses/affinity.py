"""Loss of AffinityNet (Ahn & Kwak, CVPR 2018, equations 4-7)."""

import torch
from torch import Tensor

from wsss.losses.processes import total, world


def affinity_loss(
    affinity: Tensor, bg_pos: Tensor, fg_pos: Tensor, neg: Tensor, eps: float = 1e-5
) -> dict[str, Tensor]:
    """Cross entropy of the affinities, balanced between three kinds of pairs.

    Each term is a mean over its own pairs in the whole batch; the weights 1/4, 1/4, 1/2 are those
    of the official code (PSA, `train_aff.py`), a quarter of the paper's 1, 1, 2.

    Args:
        affinity: Affinities in (0, 1] (B, P, n).
        bg_pos: 1 for pairs within the background (B, P, n), floating point.
        fg_pos: 1 for pairs within one class.
        neg: 1 for pairs of different labels.
        eps: Keeps logarithms and empty means finite.

    Returns:
        Weighted scalars `bg`, `fg` and `neg`; their sum is the loss. 0 for a kind without pairs.
    """
    close, apart = torch.log(affinity + eps), torch.log(1.0 + eps - affinity)
    terms = {"bg": (0.25, bg_pos, close), "fg": (0.25, fg_pos, close), "neg": (0.5, neg, apart)}
    return {
        name: -weight * world() * (kind * log).sum() / (total(kind.sum()) + eps)
        for name, (weight, kind, log) in terms.items()
    }
