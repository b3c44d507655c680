"""Grad-CAM and CAM of the classes present, one map per (image, class) pair.

Stammes et al. 2020 (EADER), official file ``attention_map_wrapper.py``; docs/methods/eader.md 5.
The r-th smallest class of an image is called its class of rank r; R is the largest number of
classes of an image in the batch.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor


def ranked_classes(labels: Tensor) -> Tensor:
    """List the classes of every image, ascending.

    Args:
        labels: (B, C), > 0 where the class is present.

    Returns:
        (B, R) int64 class ids; -1 where an image has fewer than R classes.
    """
    present = labels > 0
    counts = present.sum(1, keepdim=True)
    # stable, so that the present classes come first and keep their order
    order = present.int().argsort(dim=1, descending=True, stable=True)[:, : int(counts.max())]
    ranks = torch.arange(order.shape[1], device=labels.device)
    return order.where(ranks < counts, -1)


def pair_order(classes: Tensor, major: Literal["rank", "image"]) -> tuple[Tensor, Tensor]:
    """Put the (image, class) pairs of a batch in one of the two published orders.

    Images with the classes {3}, {2, 5, 7}, {0, 19} give 3, 2, 0, 5, 19, 7 by rank (Grad-CAM,
    docs/methods/eader.md 5.1) and 3, 2, 5, 7, 0, 19 by image (CAM, docs/methods/eader.md 5.2).

    Args:
        classes: (B, R) from `ranked_classes`.
        major: What changes slowest.

    Returns:
        Image and rank of each pair, (N,) int64 both.
    """
    valid = classes >= 0
    if major == "image":
        image, rank = valid.nonzero(as_tuple=True)
    else:
        rank, image = valid.T.nonzero(as_tuple=True)
    return image, rank


def gradient_weights(
    features: Tensor, classify: Callable[[Tensor], Tensor], classes: Tensor
) -> Tensor:
    """Weigh channels by the mean over space of d logit / d feature, the Grad-CAM weights.

    One backward pass per rank, from the logits to the features and no further: gradients of
    parameters are neither computed nor stored. All in float32, as they can be tiny.

    Args:
        features: (B, D, h, w); its own graph is not entered.
        classify: (B, D, h, w) to logits (B, C), image by image.
        classes: (B, R) from `ranked_classes`.

    Returns:
        (B, R, D) float32 constants; zeros where an image has no class of that rank.
    """
    # logits (B, C) of features cut off from the network
    weights = features.new_zeros(*classes.shape, features.shape[1]).float()
    with torch.enable_grad(), torch.autocast(features.device.type, enabled=False):
        leaf = features.detach().float().requires_grad_()
        logits = classify(leaf)

    # one backward pass per rank: the logits of one class of every image
    for rank, column in enumerate(classes.T[:, :, None]):
        selector = torch.zeros_like(logits)
        selector.scatter_(1, column.clamp(min=0), (column >= 0).to(logits.dtype))
        (grad,) = torch.autograd.grad(logits, leaf, selector, retain_graph=True)
        weights[:, rank] = grad.mean((2, 3))
    return weights


def class_maps(features: Tensor, weights: Tensor) -> Tensor:
    """Sum the channels with the weights of each map: ``sum_d w_d f_d``, in float32.

    Args:
        features: (B, D, h, w).
        weights: (B, R, D), or (C, D) for the same maps of all images.

    Returns:
        (B, R, h, w) or (B, C, h, w) signed maps; gradients flow into both arguments.
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = weights.float() @ features.float().flatten(2)
    return flat.view(*flat.shape[:2], *features.shape[2:])
