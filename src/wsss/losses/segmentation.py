"""Losses of segmentation."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.io.labels import IGNORE
from wsss.losses.processes import total, world
from wsss.ops.resize import plane

LABEL_WEIGHT = 0.8
"""Weight of the labels in hard bootstrapping, as in its source; the rest is the prediction's."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the labelled pixels of the batch.

    Args:
        logits: Label scores before the softmax (B, L, H, W).
        labels: Labels (B, H, W) int64, 255 = ignored.

    Returns:
        Scalar >= 0; 0, still differentiable, if no pixel is labelled.
    """
    return _mean(_pixels(logits, labels), labels != IGNORE)


def balanced_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the background plus mean cross entropy over all objects.

    Source: the seeding loss of DSRG (Huang et al., CVPR 2018), which works on pseudo labels use
    for DeepLab v2 (docs/methods/retrain.md B5).

    Args:
        logits: Label scores before the softmax (B, L, H, W); label 0 is the background.
        labels: Labels (B, H, W) int64, 255 = ignored.

    Returns:
        Scalar >= 0; a part without a pixel is 0.
    """
    pixels = _pixels(logits, labels)
    background = labels == 0
    return _mean(pixels, background) + _mean(pixels, ~background & (labels != IGNORE))


def bootstrapped_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy against the labels and, with less weight, against the own prediction.

    Source: hard bootstrapping, -sum_k (b t_k + (1 - b) z_k) log q_k with the predicted label z and
    b = `LABEL_WEIGHT` (Reed et al., "Training deep neural networks on noisy labels with
    bootstrapping", ICLR workshop 2015).

    Args:
        logits: Label scores before the softmax (B, L, H, W).
        labels: Labels (B, H, W) int64, 255 = ignored.

    Returns:
        Scalar >= 0; 0, still differentiable, if no pixel is labelled.
    """
    predicted = F.cross_entropy(logits, logits.argmax(1), reduction="none")
    pixels = LABEL_WEIGHT * _pixels(logits, labels) + (1 - LABEL_WEIGHT) * predicted
    return _mean(pixels, labels != IGNORE)


def easy_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy in which the pixels that agree least with their image's labels count less.

    Source: Online Easy Example Mining, OEEM (Li et al., MICCAI 2022): the loss l_i of pixel i has
    the weight softmax(-l)_i over the pixels of its image, divided by the mean of these weights; it
    is 1 in an image of a single label (`cross_entropy_loss.py` of xmed-lab/OEEM). Ignored pixels
    are left out of the softmax here.

    Args:
        logits: Label scores before the softmax (B, L, H, W).
        labels: Labels (B, H, W) int64, 255 = ignored.

    Returns:
        Scalar >= 0; 0, still differentiable, if no pixel is labelled.
    """
    pixels, labelled = _pixels(logits, labels), labels != IGNORE
    agreement = -pixels.detach().where(labelled, torch.inf).flatten(1)
    weights = agreement.softmax(1) * labelled.flatten(1).sum(1, keepdim=True)
    weights = torch.where(_several_labels(labels), weights.view_as(pixels), 1.0)
    return _mean(weights * pixels, labelled)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": cross_entropy,
    "per_image": cross_entropy,
    "balanced": balanced_cross_entropy,
    "bootstrapped": bootstrapped_cross_entropy,
    "oeem": easy_cross_entropy,
}
"""The losses by their names in the configuration; ``per_image`` is divided by the batch size of the
step once more (`utils/loss.py` of jfzhang95/pytorch-deeplab-xception,
docs/methods/retrain.md C4)."""


def multiscale_cross_entropy(
    logits: Sequence[Tensor],
    labels: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
) -> list[Tensor]:
    """Compare logits of several sizes with the labels, resized to each of these sizes.

    Source: `main.py` of kazuto1011/deeplab-pytorch (docs/methods/retrain.md B3).

    Args:
        logits: Label scores (B, L, h, w), of any sizes.
        labels: Labels (B, H, W) int64, 255 = ignored.
        loss: Compares logits and labels of one size.

    Returns:
        One scalar for each of `logits`.
    """
    return [loss(scores, resized_labels(labels, plane(scores))) for scores in logits]


def resized_labels(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize labels (B, H, W) to `size` as Pillow does: the pixel below the centre of each cell.

    That is pixel floor((i + 0.5) H / h); Pillow adds the step H / h up in float64, which decides
    where a centre falls on the border of two pixels.
    """
    rows, columns = (
        torch.from_numpy(_below_centres(length, cells)).to(labels.device)
        for length, cells in zip(labels.shape[1:], size, strict=True)
    )
    return labels[:, rows][:, :, columns]


def _below_centres(length: int, cells: int) -> np.ndarray:
    step = length / cells
    return np.cumsum(np.r_[step / 2, np.full(cells - 1, step)]).astype(np.int64)


def _pixels(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross entropy of every pixel (B, H, W), 0 where ignored."""
    return F.cross_entropy(logits, labels, ignore_index=IGNORE, reduction="none")


def _mean(pixels: Tensor, counts: Tensor) -> Tensor:
    return world() * (pixels * counts).sum() / total(counts.sum()).clamp(min=1)


def _several_labels(labels: Tensor) -> Tensor:
    """Return for each image whether it has pixels of more than one label: (B, 1, 1)."""
    lowest = labels.amin((1, 2), keepdim=True)
    highest = labels.where(labels != IGNORE, -1).amax((1, 2), keepdim=True)
    return highest > lowest
