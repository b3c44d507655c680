"""Test-time augmentation: inference over scaled and mirrored views of an image."""

from collections.abc import Callable, Iterable, Iterator
from functools import reduce

import torch
from torch import Tensor

from wsss.errors import UserError
from wsss.ops.resize import resize_bilinear


@torch.no_grad()
def sum_views(
    views: Iterable[Tensor],
    score: Callable[[Tensor], Tensor],
    size: tuple[int, int],
    align_corners: bool = False,
) -> Tensor:
    """Sum the score maps of all views of an image.

    Source: `infer_cls.py` of PSA: each map is brought to the common size (bilinear), then the maps
    of mirrored views are mirrored back.

    Args:
        views: per scale a batch (1, 3, h, w), or (2, 3, h, w) with the mirrored view second.
        score: computes the score maps (1 or 2, D, h', w') of a batch.
        size: (H, W) of the result.
        align_corners: of the resizing; PSA's code has False.

    Returns:
        (D, H, W) sum.

    Raises:
        UserError: a single view is too large for the GPU's memory.
    """
    return reduce(torch.add, _unmirrored(views, score, size, align_corners))


def _unmirrored(
    views: Iterable[Tensor],
    score: Callable[[Tensor], Tensor],
    size: tuple[int, int],
    align_corners: bool,
) -> Iterator[Tensor]:
    """Yield the score maps (D, H, W) of every view, mirrored ones mirrored back."""
    for view in views:
        maps = _in_memory(view, lambda part: resize_bilinear(score(part), size, align_corners))
        plain, *mirrored = maps
        yield plain
        yield from (copy.flip(-1) for copy in mirrored)


def _in_memory(view: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """Compute the maps of a batch, one image at a time if the GPU's memory is too small for it."""
    try:
        return compute(view)
    except torch.OutOfMemoryError as error:
        if len(view) == 1:
            height, width = view.shape[2:]
            raise UserError(
                f"the GPU's memory is too small for an image of {width} x {height} pixels: leave "
                "out the largest of this stage's scales, or cut the images into dataset.tiles"
            ) from error
    # outside the except block, which holds the tensors of the failed attempt
    torch.cuda.empty_cache()
    return torch.cat([_in_memory(image[None], compute) for image in view])
