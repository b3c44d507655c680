"""Losses of adversarial erasing (Stammes et al. 2020, EADER's ``train.py``; eader.md 7).

They are means over the N (image, class) pairs of a batch, as in the official code (the paper
divides by the number of classes). A batch without pairs gives 0, still differentiable.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def _mean(x: Tensor) -> Tensor:
    return x.sum() / max(1, x.numel())


def probability_bce(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean binary cross entropy of probabilities, as all classifiers of EADER are trained.

    Differs from the loss on logits only where a sigmoid saturates in float32: there a logarithm
    is cut at -100 and the gradient is 0.

    Args:
        logits: Class scores before the sigmoid (N, C).
        labels: 1 where the class is present, else 0 (N, C), floating point.

    Returns:
        Scalar >= 0.
    """
    with torch.autocast(logits.device.type, enabled=False):
        prob = torch.sigmoid(logits.float())
        return _mean(F.binary_cross_entropy(prob, labels.float(), reduction="none"))


def attention_mining(scores: Tensor, erased: Tensor) -> Tensor:
    """Mean score that is left to a class after it was erased from its image, L_am.

    Args:
        scores: (N, C) of the erased images: probabilities of an adversary, or logits where the
            localizer judges itself (eader.md 11).
        erased: (N,) int64, the class that was erased from each.

    Returns:
        Scalar; small where nothing of the class was left.
    """
    return _mean(scores.float().gather(1, erased[:, None]))


def attention_area(maps: Tensor) -> Tensor:
    """Mean attention over pairs and pixels, the regularisation L_reg.

    Args:
        maps: (N, 1, H, W) in [0, 1].

    Returns:
        Scalar in [0, 1].
    """
    return _mean(maps.float())
