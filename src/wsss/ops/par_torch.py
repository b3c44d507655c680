"""The steps of PAR on a GPU, all images of a batch at once."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from wsss.ops.par import EPS, NEARNESS, OFFSETS, WIDTH, Size, position
from wsss.ops.sparse import repeat_step, sparse_warnings_ignored

BAND = 1 << 16
"""Pixels whose neighbours are compared at once, which bounds the memory."""


class Steps:
    """The weights of the neighbours in some images.

    Args:
        images: (h, w, 3) uint8 each.
        device: Device to compute on.
    """

    def __init__(self, images: Sequence[np.ndarray], device: torch.device) -> None:
        self._matrix = _transition(images, device)

    def walk(self, maps: Sequence[np.ndarray], iterations: int) -> list[np.ndarray]:
        """Return the maps (L, h, w) float32 of each image after a number of steps."""
        most = max(map(len, maps))
        flat = [torch.from_numpy(one).to(self._matrix.device).flatten(1) for one in maps]
        joined = torch.cat([pad(one, (0, 0, 0, most - len(one))) for one in flat], 1)
        walked = repeat_step(joined, self._matrix, iterations)
        parts = walked.split([one.shape[1] for one in flat], 1)
        return [
            part[: len(one)].reshape(one.shape).cpu().numpy()
            for part, one in zip(parts, maps, strict=True)
        ]


def _transition(images: Sequence[np.ndarray], device: torch.device) -> Tensor:
    """Build the matrix of one step of PAR, for the pixels of all images of a batch.

    Args:
        images: Images (h, w, 3) uint8.
        device: Device of the matrix.

    Returns:
        Sparse CSR matrix (N, N) with int32 indices. A neighbour beyond a border is the pixel next
        to it within, so that a row may have several entries of one column; they add up.
    """
    starts = np.cumsum([0, *(image[..., 0].size for image in images)]).tolist()
    neighbours = torch.cat(
        [
            _neighbours(image.shape[:2], device) + start
            for image, start in zip(images, starts, strict=False)
        ]
    )
    colours = np.concatenate([image.reshape(-1, 3) for image in images]).T.astype(np.float32)
    weights = _weights(torch.from_numpy(colours).to(device), neighbours)
    rows = torch.arange(len(neighbours) + 1, dtype=torch.int32, device=device) * len(OFFSETS)
    with sparse_warnings_ignored():
        return torch.sparse_csr_tensor(
            rows,
            neighbours.flatten(),
            weights.flatten(),
            (len(neighbours), len(neighbours)),
            check_invariants=False,
        )


def _neighbours(size: Size, device: torch.device) -> Tensor:
    """Number the neighbours of each pixel of an image (h w, 48) int32."""
    height, width = size
    dy, dx = torch.tensor(OFFSETS, dtype=torch.int32, device=device).unbind(1)
    y = torch.arange(height, dtype=torch.int32, device=device)[:, None] + dy
    x = torch.arange(width, dtype=torch.int32, device=device)[:, None] + dx
    rows, columns = y.clamp(0, height - 1) * width, x.clamp(0, width - 1)
    return (rows[:, None] + columns).flatten(0, 1)


def _weights(colours: Tensor, neighbours: Tensor) -> Tensor:
    """Weigh the neighbours (N, 48) of pixels with the colours (3, N)."""
    weights = colours.new_zeros(neighbours.shape)
    nearness = NEARNESS * torch.from_numpy(position()).to(colours)
    for near, centre, out in zip(
        neighbours.split(BAND), colours.split(BAND, 1), weights.split(BAND), strict=True
    ):
        for channel, here in zip(colours, centre, strict=True):
            difference = channel.index_select(0, near.flatten()).view_as(out).sub_(here[:, None])
            out -= _unlikeness(difference)
        torch.add(nearness, out.div_(len(colours)).softmax(1), out=out)
    return weights.div_(1 + NEARNESS)


def _unlikeness(difference: Tensor) -> Tensor:
    """Square differences from the neighbours (n, 48), in `WIDTH` standard deviations of theirs.

    The variance is that of the neighbours, with Bessel's correction; its sums are whole numbers.
    """
    count = difference.shape[1]
    total, squares = difference.sum(1).double(), difference.square_().sum(1).double()
    deviation = ((count * squares - total**2) / (count * (count - 1))).sqrt()
    return difference.mul_((WIDTH * (deviation + EPS)).pow(-2).float()[:, None])
