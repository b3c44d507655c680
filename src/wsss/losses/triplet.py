"""The triplet of AEFT (Yoon et al., ECCV 2022): an image, its erased copy, one of other classes.

Source: `models/model_aeft_gpp.py` of KAIST-vilab/AEFT; docs/methods/aeft.md 6, 7. Maps are float32.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.losses.processes import total, world
from wsss.ops.cam import max_norm
from wsss.ops.resize import resize_bilinear

EPS = 1e-5
"""Keeps empty means and flat maps finite (official code)."""

FEWEST = 5
"""Too-close pairs that a batch needs for the repulsion to count (official code: more than 4)."""


def erasing_mask(cam: Tensor, labels: Tensor, size: tuple[int, int], erase: float) -> Tensor:
    """Compute the mask that erases an object's strongest parts from its image.

    It is the activation itself, of the strongest labelled class: weak parts are dimmed, those of
    `erase` and above are blanked out. Gradients flow through the values, not the comparison.

    Args:
        cam: Signed class maps (B, C, h, w).
        labels: 1 where the image contains the class, else 0 (B, C), floating point.
        size: (H, W) of the image.
        erase: t_H, activation in (0, 1] from which a pixel is erased.

    Returns:
        Mask (B, 1, H, W) in [0, erase).
    """
    activation = max_norm(resize_bilinear(F.relu(cam), size)) * labels[:, :, None, None]
    strongest = activation.amax(dim=1, keepdim=True)
    return torch.where(strongest < erase, strongest, 0.0)


def presence(pooled: Tensor, labels: Tensor) -> Tensor:
    """Embed images by the activation of their classes: `mean(relu(pooled)) * label`.

    Args:
        pooled: Signed pooled maps (B, C, h, w).
        labels: 1 where the image contains the class, else 0 (B, C), floating point.

    Returns:
        Embeddings >= 0 (B, C).
    """
    return F.relu(pooled).mean((2, 3)) * labels


def residue(cam: Tensor, pooled: Tensor, labels: Tensor, below: float) -> Tensor:
    """Embed images by the mean of the pooled maps, scaled to [-1, 1], outside strong activation.

    Args:
        cam: Signed class maps (B, C, h, w); their normalised activation picks the cells.
        pooled: Signed pooled maps (B, C, h, w).
        labels: 1 where the image contains the class, else 0 (B, C), floating point.
        below: Cells of lower activation count; t_L for anchors, 1 (all cells) for negatives.

    Returns:
        Embeddings in (-1, 1) (B, C); 0 for absent classes and where no cell counts.
    """
    scaled = pooled / (pooled.abs().amax((2, 3), keepdim=True) + EPS)
    weak = (max_norm(cam) < below).float()
    mean = (scaled * weak).sum((2, 3)) / (weak.sum((2, 3)) + EPS)
    return mean * labels


def pick_negatives(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Pick for each image another one without common class, uniformly, with torch's generator.

    The official search drops partners when an image has none and shifts the others
    (docs/methods/aeft.md 13, note 8); here such an image is left out, and so is one without any
    class.

    Args:
        labels: 1 where the image contains the class, else 0 (B, C), floating point.

    Returns:
        Anchors (N,) int64, ascending, and their negatives (N,) int64; N <= B, may be 0.
    """
    labelled = labels.any(dim=1)
    shared = (labels[:, None] * labels[None]).sum(-1) > 0
    disjoint = ~shared & labelled[:, None] & labelled[None]
    anchors = disjoint.any(dim=1).nonzero().flatten()
    priority = torch.rand_like(disjoint, dtype=torch.float32).masked_fill(~disjoint, -1.0)
    return anchors, priority.argmax(dim=1)[anchors]


def attraction(anchor: Tensor, positive: Tensor) -> Tensor:
    """Mean absolute difference of two embeddings (B, C), absent classes included: scalar >= 0."""
    return (positive - anchor).abs().mean()


def distance(anchor: Tensor, negative: Tensor) -> Tensor:
    """Squared Euclidean distances (N,) of embeddings (N, C)."""
    return (anchor - negative).square().sum(dim=1)


def hinge(anchor: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Hinge max(0, margin - distance) per pair, (N,), of embeddings (N, C)."""
    return F.relu(margin - distance(anchor, negative))


def repulsion(anchor: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean hinge max(0, margin - distance) of the pairs closer than the margin.

    Args:
        anchor: Embeddings of the anchors (N, C); N may be 0.
        negative: Embeddings of their negatives (N, C).
        margin: Squared distance from which a pair costs nothing.

    Returns:
        Scalar in [0, margin]; 0 unless at least `FEWEST` pairs are too close.
    """
    lack = hinge(anchor, negative, margin)
    close = total((lack > 0).sum())
    return torch.where(close >= FEWEST, world() * lack.sum() / close.clamp(min=1), 0.0)
