"""Losses of adversarial erasing (Stammes et al. 2020, EADER's ``train.py``).

Source: docs/methods/eader.md 7.

They are means over the N (image, class) pairs of a batch, as in the official code (the paper
divides by the number of classes). A batch without pairs gives 0, still differentiable.
"""

from torch import Tensor

from wsss.losses.processes import total, world


def _mean(x: Tensor) -> Tensor:
    count = total(x.new_tensor(float(x.numel())))
    return world() * x.sum() / count.clamp(min=1)


def attention_mining(scores: Tensor, erased: Tensor) -> Tensor:
    """Attention mining loss L_am: mean score of each class after it was erased from its image.

    Args:
        scores: (N, C) of the erased images: probabilities of an adversary, or logits where the
            localizer scores its own erased images (docs/methods/eader.md 11).
        erased: (N,) int64, the class that was erased from each.

    Returns:
        Scalar; small where nothing of the class was left.
    """
    return _mean(scores.float().gather(1, erased[:, None]))


def attention_area(maps: Tensor) -> Tensor:
    """Regularisation L_reg: mean attention over pairs and pixels.

    Args:
        maps: (N, 1, H, W) in [0, 1].

    Returns:
        Scalar in [0, 1].
    """
    return _mean(maps.float())
