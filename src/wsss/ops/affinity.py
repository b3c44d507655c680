"""Affinities of pairs of cells, and the labels they are learnt from (AffinityNet, CVPR 2018)."""

import numpy as np
import torch
from torch import Tensor

from wsss.io.labels import IGNORE

CELL = 8
"""Side of a cell of AffinityNet in pixels: its output stride."""


def pair_affinity(features: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Compare the features of paired cells: `exp(-mean over channels of |f_target - f_source|)`.

    Equation 2 of the paper has the L1 norm; the official code takes the channel mean, and so do
    its weights (PSA, `network/resnet38_aff.py`). Half-precision features are compared in float32.

    Args:
        features: Features (B, D, h, w).
        source: Source cells (n,) int64.
        target: Their neighbours (P, n) int64, see `pairs.pair_indices`.

    Returns:
        Affinities in (0, 1] (B, P, n).
    """
    if features.dtype in (torch.float16, torch.bfloat16):
        features = features.float()
    # channels last: whole rows are gathered, which is several times faster than single numbers
    cells = features.flatten(2).transpose(1, 2).contiguous()
    here = cells.index_select(1, source)
    if not len(target):
        return features.new_ones(len(features), 0, len(source))
    distances = [(cells.index_select(1, there) - here).abs().mean(dim=2) for there in target]
    return torch.exp(-torch.stack(distances, dim=1))


def block_mean(x: np.ndarray, block: int = 8) -> np.ndarray:
    """Average maps over square blocks, the stride of the network by default.

    Args:
        x: Maps (D, H, W) of any number type.
        block: Side of a block, pixels.

    Returns:
        Means (D, H / block, W / block) float32.

    Raises:
        ValueError: `block` does not divide H and W.
    """
    channels, height, width = x.shape
    if height % block or width % block:
        raise ValueError(f"{height} x {width} pixels are no whole number of blocks of {block}")
    blocks = x.reshape(channels, height // block, block, width // block, block)
    return blocks.mean(axis=(2, 4), dtype=np.float32)


def confident_labels(la: np.ndarray, ha: np.ndarray) -> np.ndarray:
    """Keep the labels on which scores with a weak and a strong background agree.

    Foreground where both sets of scores say so (the class is that of `la`), background where even
    the weak background of `ha` wins, otherwise ignored; so are cells without any score, which lie
    in the padding (PSA, `voc12/data.py`).

    Args:
        la: Scores with the strong background of a low alpha (1 + K, h, w), background first.
        ha: Scores with the weak background of a high alpha, the same classes (1 + K, h, w).

    Returns:
        Positions in the list of scores (h, w) uint8: 0 background, k the k-th class present,
        255 ignored. Positions, not class ids: only equality within an image is ever used.

    Raises:
        ValueError: The two have different shapes.
    """
    if la.shape != ha.shape:
        raise ValueError(f"scores of low and high alpha differ in shape: {la.shape}, {ha.shape}")
    labels = la.argmax(axis=0).astype(np.uint8)
    labels[labels == 0] = IGNORE
    labels[ha.argmax(axis=0) == 0] = 0
    labels[np.maximum(la.max(axis=0), ha.max(axis=0)) < 1e-5] = IGNORE
    return labels


def pair_labels(labels: Tensor, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Label pairs as sharing the background, sharing a class, or different (PSA, `voc12/data.py`).

    Args:
        labels: Label positions (B, h, w), any integer type; 255 takes no part.
        source: Source cells (n,) int64.
        target: Their neighbours (P, n) int64.

    Returns:
        `bg_pos`, `fg_pos` and `neg`, each (B, P, n) float32 of 0 and 1, never two of them 1.
    """
    cells = labels.flatten(1)
    here, there = cells[:, source].unsqueeze(1), cells[:, target]
    valid = (here != IGNORE) & (there != IGNORE)
    same = (here == there) & valid
    return (same & (here == 0)).float(), (same & (here != 0)).float(), (valid & ~same).float()
