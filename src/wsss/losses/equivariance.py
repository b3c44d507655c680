"""Losses of SEAM: the maps of an image and of its small copy should be the same.

Wang et al., Self-supervised Equivariant Attention Mechanism, CVPR 2020; formulas and constants of
YudeWang/SEAM, ``train_SEAM.py`` and ``tool/visualization.py`` (docs/methods/seam.md 2, 3). Class
maps are (B, 1 + C, H, W) float32 with the background first.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.losses.classification import multilabel_soft_margin
from wsss.ops.cam import max_norm
from wsss.ops.resize import plane, resize_bilinear

HARDEST = 0.2
"""Share of the entries that the equivariant cross regularisation averages, the largest ones."""

Views = tuple[Tensor, Tensor]
"""Class maps of a view of the classifier, and refined by the pixel correlation."""


def max_onehot(maps: Tensor) -> Tensor:
    """Keep the value of the strongest class of each pixel, and the background.

    Args:
        maps: Maps (B, 1 + C, H, W), background first.

    Returns:
        The maps with 0 where a class is not the strongest; several stay in a tie.
    """
    background, classes = maps[:, :1], maps[:, 1:]
    strongest = classes.amax(1, keepdim=True)
    return torch.cat([background, classes.masked_fill(classes != strongest, 0)], dim=1)


def min_pooling(maps: Tensor) -> Tensor:
    """Push down the activation where an image is least active (adaptive min pooling loss).

    Args:
        maps: Maps of the classes present, zeros for the others (B, C, H, W).

    Returns:
        Mean of the positive part of the quarter of pixels whose strongest class is weakest.
    """
    strongest = maps.max(dim=1).values.flatten(1)
    count = max(1, strongest.shape[1] // 4)
    return F.relu(strongest.topk(count, largest=False, sorted=False).values).mean()


def hardest(target: Tensor, maps: Tensor) -> Tensor:
    """Mean of the largest fifth of all differences within an image (ECR of one view).

    Args:
        target: Maps (B, 1 + C, H, W).
        maps: Maps of the same shape.

    Returns:
        Scalar >= 0, the mean over images; channels and pixels of an image compete jointly.
    """
    distances = (target - maps).abs().flatten(1)
    count = max(1, int(distances.shape[1] * HARDEST))
    return distances.topk(count, sorted=False).values.mean()


def aligned(first: Views, second: Views, label: Tensor) -> tuple[Views, Views]:
    """Bring the maps of two views to comparable values on the grid of the second.

    Each map is normalised at its own size, resized (`align_corners=True`), and set to 0 where the
    image does not contain the class, in this order (docs/methods/seam.md 9, note 3).

    Args:
        first: Maps of the larger view, each (B, 1 + C, H, W).
        second: Maps of the smaller view, each (B, 1 + C, h, w).
        label: 1 where the image contains the class (B, C).

    Returns:
        The same for both views, each (B, 1 + C, h, w) in [0, 1).
    """
    present = F.pad(label, (1, 0), value=1.0)[:, :, None, None]
    grid = plane(second[0])
    (cam, refined), (small_cam, small_refined) = first, second

    def shrink(maps: Tensor) -> Tensor:
        # (B, 1 + C, H, W) to (B, 1 + C, h, w)
        return resize_bilinear(max_norm(maps), grid, align_corners=True) * present

    small = (max_norm(small_cam) * present, max_norm(small_refined) * present)
    return (shrink(cam), shrink(refined)), small


def cross_target(maps: Tensor) -> Tensor:
    """Make the target of the other view's refined maps from aligned maps.

    Args:
        maps: Aligned maps of the classifier (B, 1 + C, h, w).

    Returns:
        Its strongest class per pixel, not binarised, and as background what that leaves to 1;
        without gradient.
    """
    classes = maps.detach()[:, 1:]
    return max_onehot(torch.cat([1 - classes.amax(1, keepdim=True), classes], dim=1))


def siamese_losses(first: Views, second: Views, label: Tensor) -> dict[str, Tensor]:
    """Compute all losses of SEAM from the maps of an image and of its small copy.

    Source: docs/methods/seam.md 3.

    Args:
        first: Maps of the image, each (B, 1 + C, H, W), upsampled to its size.
        second: Maps of the copy, each (B, 1 + C, h, w), upsampled to its size.
        label: 1 where the image contains the class (B, C), floating point.

    Returns:
        Scalars whose sum is the loss: `cls` (classification of the mean over space) and `rvmin`,
        means of both views; `er` (equivariance of the classifier's maps), over all C classes, the
        absent ones counting as zeros; `ecr` (refined maps against the other view), a sum.
    """
    both, classes = (first, second), label[:, :, None, None]
    (cam_large, refined_large), (cam_small, refined_small) = aligned(first, second, label)
    cls = [multilabel_soft_margin(cam[:, 1:].mean((2, 3)), label) for cam, _ in both]
    rvmin = [min_pooling(refined[:, 1:] * classes) for _, refined in both]
    return {
        "cls": (cls[0] + cls[1]) / 2,
        "rvmin": (rvmin[0] + rvmin[1]) / 2,
        "er": (cam_large - cam_small)[:, 1:].abs().mean(),
        "ecr": hardest(cross_target(cam_small), refined_large)
        + hardest(cross_target(cam_large), refined_small),
    }
