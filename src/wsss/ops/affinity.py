"""Affinities of pairs of cells, and the labels they are learnt from (AffinityNet, CVPR 2018)."""

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn.functional import normalize

from wsss.io.labels import IGNORE
from wsss.ops.pairs import windows

CELL = 8
"""Side of a cell of AffinityNet in pixels: its output stride."""


def cells(image: Tensor) -> tuple[int, int]:
    """Return the grid (ceil(H / 8), ceil(W / 8)) of images (B, 3, H, W)."""
    height, width = (-(-side // CELL) for side in image.shape[2:])
    return height, width


def pair_affinity(features: Tensor, radius: int) -> Tensor:
    """Compare the features of paired cells: `exp(-mean over channels of |f_target - f_source|)`.

    Equation 2 of the paper has the L1 norm; the official code takes the channel mean, and so do
    its weights (PSA, `network/resnet38_aff.py`). Half-precision features are compared in float32.

    Args:
        features: Features (B, D, h, w).
        radius: Radius of the pairs, cells, see `pairs.pair_indices`.

    Returns:
        Affinities in (0, 1] (B, P, n), in the order of `pairs.pair_indices`.
    """
    if features.dtype in (torch.float16, torch.bfloat16):
        features = features.float()
    distances: Tensor = _PairDistance.apply(features, radius)
    return torch.exp(-distances).flatten(2)


@torch.no_grad()
def cosine_affinity(features: Tensor, radius: int) -> Tensor:
    """Compare the features of paired cells without training: `exp(cos(f_target, f_source) - 1)`.

    The walk raises it to its exponent beta, `exp(beta (cos - 1))`; unlike the learnt affinities,
    those of a classifier ask for a beta of 10 to 30. Features of several layers are to be brought
    to one grid and concatenated.

    Args:
        features: Features (B, D, h, w); a cell of zeros has cosine 0 with every other.
        radius: Radius of the pairs, cells, see `pairs.pair_indices`.

    Returns:
        Affinities in [exp(-2), 1] (B, P, n) float32, in the order of `pairs.pair_indices`.
    """
    unit = normalize(features.float(), dim=1)
    height, width = unit.shape[2:]
    here, there = windows(height, width, radius)
    source = unit[:, :, *here]
    cosines = source.new_empty(len(unit), len(there), *source.shape[2:])
    for number, place in enumerate(there):
        cosines[:, number] = (unit[:, :, *place] * source).sum(1)
    return torch.exp(cosines.clamp(-1, 1) - 1).flatten(2)


class _Context(FunctionCtx):
    """What the backward pass needs."""

    radius: int
    saved_tensors: tuple[Tensor, ...]


class _PairDistance(torch.autograd.Function):
    """Mean absolute differences of paired cells (B, D, h, w) -> (B, P, rows, columns).

    All pairs of a step (dy, dx) are the difference of two windows of the map. The backward pass
    takes the differences again in place of storing them.
    """

    @staticmethod
    def forward(ctx: _Context, features: Tensor, radius: int) -> Tensor:
        """Compute the distances."""
        # channels last: the mean runs over neighbouring numbers
        maps = features.permute(0, 2, 3, 1).contiguous()
        ctx.save_for_backward(maps)
        ctx.radius = radius
        height, width = maps.shape[1:3]
        here, there = windows(height, width, radius)
        source = maps[:, *here]
        distances = maps.new_empty(len(maps), len(there), *source.shape[1:3])
        images = _at_once(maps)
        for part, cells, out in zip(
            *(x.split(images) for x in (maps, source, distances)), strict=True
        ):
            for number, place in enumerate(there):
                torch.mean((part[:, *place] - cells).abs_(), dim=3, out=out[:, number])
        return distances

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, gradient: Tensor) -> tuple[Tensor, None]:
        """Add the signed gradient of each pair to its target and take it from its source."""
        (maps,) = ctx.saved_tensors
        height, width = maps.shape[1:3]
        here, there = windows(height, width, ctx.radius)
        result = torch.zeros_like(maps)
        shares = gradient / maps.shape[3]
        images = _at_once(maps)
        for part, share, sums in zip(
            *(x.split(images) for x in (maps, shares, result)), strict=True
        ):
            cells, source_sums = part[:, *here], sums[:, *here]
            for number, place in enumerate(there):
                signed = (part[:, *place] - cells).sign_().mul_(share[:, number, ..., None])
                sums[:, *place] += signed
                source_sums -= signed
        return result.permute(0, 3, 1, 2), None


def _at_once(maps: Tensor) -> int:
    """Images to compare at once: all on a GPU; one on a CPU, whose cache holds no more."""
    return 1 if maps.device.type == "cpu" else len(maps)


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
    # whole rows first, which is several times faster than a mean over both axes
    rows = x.reshape(channels, height // block, block, width).sum(axis=2, dtype=np.float32)
    blocks = rows.reshape(channels, height // block, width // block, block)
    if x.dtype == np.uint8:
        # sums of whole numbers are exact in any order, hence in the fastest one
        return (blocks @ np.ones(block, np.float32)) / block**2
    return blocks.mean(axis=3) / block


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


def pair_labels(labels: Tensor, radius: int) -> tuple[Tensor, Tensor, Tensor]:
    """Label pairs as sharing the background, sharing a class, or different (PSA, `voc12/data.py`).

    Args:
        labels: Label positions (B, h, w), any integer type; 255 takes no part.
        radius: Radius of the pairs, cells, see `pairs.pair_indices`.

    Returns:
        `bg_pos`, `fg_pos` and `neg`, each (B, P, n) float32 of 0 and 1, never two of them 1.
    """
    height, width = labels.shape[1:]
    source, targets = windows(height, width, radius)
    here = labels[:, *source].flatten(1)[:, None]
    there = labels.new_empty(len(labels), len(targets), here.shape[2])
    for number, place in enumerate(targets):
        there[:, number] = labels[:, *place].flatten(1)
    valid = (here != IGNORE) & (there != IGNORE)
    same = (here == there) & valid
    return (same & (here == 0)).float(), (same & (here != 0)).float(), (valid & ~same).float()
