"""Inference over scaled and mirrored views of an image."""

from collections.abc import Callable, Iterable

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
    """Return the sum of score maps over all views.

    Source: `infer_cls.py` of PSA: each map is brought to the common size (bilinear), then the maps
    of mirrored views are mirrored back.

    Args:
        views: per scale a batch (1, 3, h, w), or (2, 3, h, w) with the mirrored view second.
        score: maps a batch to scores (1 or 2, D, h', w').
        size: (H, W) of the result.
        align_corners: of the resizing; PSA's code has False.

    Returns:
        (D, H, W) sum.

    Raises:
        UserError: a single view is too large for the GPU's memory.
    """
    total = None
    for view in views:
        maps = _in_memory(view, lambda part: resize_bilinear(score(part), size, align_corners))
        plain, *mirrored = maps
        for part in (plain, *(m.flip(-1) for m in mirrored)):
            total = part if total is None else total + part
    return total


def _in_memory(view: Tensor, draw: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the maps of a batch, drawn one by one where the memory is too small for both."""
    try:
        return draw(view)
    except torch.OutOfMemoryError as error:
        if len(view) == 1:
            height, width = view.shape[2:]
            raise UserError(
                f"the GPU's memory is too small for an image of {width} x {height} pixels: leave "
                "out the largest of this stage's scales, or cut the images into dataset.tiles"
            ) from error
    # not while the error is handled: it holds the tensors of the failed attempt
    torch.cuda.empty_cache()
    return torch.cat([_in_memory(part, draw) for part in view.split(1)])
