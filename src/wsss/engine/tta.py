"""Test-time augmentation: inference over scaled and mirrored views of an image."""

from collections.abc import Callable, Iterable, Iterator
from functools import reduce

import torch
from torch import Tensor

from wsss.errors import UserError
from wsss.ops.resize import plane, resize_bilinear


@torch.no_grad()
def sum_views(
    views: Iterable[Tensor],
    score: Callable[[Tensor], Tensor],
    size: tuple[int, int],
    flip: bool,
    align_corners: bool = False,
) -> Tensor:
    """Sum the score maps of all views of an image.

    Source: `infer_cls.py` of PSA: each map is brought to the common size (bilinear), then the maps
    of mirrored views are mirrored back. A view and its mirrored copy go through a GPU together, and
    through a CPU, where a batch only costs cache, one after the other.

    Args:
        views: per scale a view (1, 3, h, w).
        score: computes the score maps (B, D, h', w') of a batch.
        size: (H, W) of the result.
        flip: add the mirrored copy of every view.
        align_corners: of the resizing; PSA's code has False.

    Returns:
        (D, H, W) sum.

    Raises:
        UserError: a single view is too large for the GPU's memory.
    """
    return reduce(torch.add, each_view(views, score, size, flip, align_corners))


@torch.no_grad()
def each_view(
    views: Iterable[Tensor],
    score: Callable[[Tensor], Tensor],
    size: tuple[int, int],
    flip: bool,
    align_corners: bool = False,
) -> Iterator[Tensor]:
    """Yield the maps (D, H, W) of every view that `sum_views` adds; args and raises as there."""

    def sized(batch: Tensor) -> Tensor:
        maps = score(batch)
        return maps if plane(maps) == size else resize_bilinear(maps, size, align_corners)

    for view in views:
        both = [view, view.flip(-1)] if flip else [view]
        batches = both if view.device.type == "cpu" else [torch.cat(both)]
        plain, *mirrored = (maps for batch in batches for maps in in_memory(batch, sized))
        yield plain
        yield from (maps.flip(-1) for maps in mirrored)


def in_memory(view: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """Compute the scores of a batch, one image at a time if the GPU's memory is too small for it.

    Args:
        view: (B, 3, h, w).
        compute: computes the scores (B, ...) of a batch.

    Raises:
        UserError: a single image is too large for the GPU's memory.
    """
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
    return torch.cat([in_memory(image[None], compute) for image in view])
