"""Pixel-adaptive refinement (PAR): each pixel becomes a mean of pixels of its colour, repeatedly.

Introduced with AFA (Ru et al., CVPR 2022, section 3.4); the constants are those of its code, which
ToCo, WeCLIP and ExCEL share. Nothing is trained.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from wsss.ops.finite import finite
from wsss.ops.resize import resize_bilinear
from wsss.ops.sparse import repeat_step, sparse_warnings_ignored

DILATIONS = (1, 2, 4, 8, 12, 24)
"""Distances of the neighbours along rows and columns, pixels."""
OFFSETS = [
    (dilation * dy, dilation * dx)
    for dilation in DILATIONS
    for dy in (-1, 0, 1)
    for dx in (-1, 0, 1)
    if (dy, dx) != (0, 0)
]
"""Steps from a pixel to its 48 neighbours (dy, dx), pixels."""
WIDTH = 0.3
"""Width of both kernels in standard deviations over the neighbours."""
NEARNESS = 0.01
"""Weight of the position kernel beside the colour kernel."""
EPS = 1e-8
"""Added to standard deviations, which are 0 in flat areas."""
BAND = 1 << 16
"""Pixels whose neighbours are compared at once, which bounds the memory."""

Size = tuple[int, int]


class BatchPAR:
    """The PAR of several images of any sizes, for any number of score maps of each.

    The weights depend on the images alone and are computed here, once for all scores.

    Args:
        images: Images (H, W, 3) uint8, at least one; the channel order does not matter.
        iterations: Steps >= 0: 10 in AFA and ToCo, 20 in WeCLIP and ExCEL.
        shrink: Factor by which images and scores are made smaller for the steps; 1 = not at all.
        device: Device to compute on; none = the CPU.

    Raises:
        ValueError: An image is not (H, W, 3) uint8 with at least one pixel.
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        iterations: int = 20,
        shrink: int = 2,
        device: torch.device | None = None,
    ) -> None:
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
                raise ValueError(f"image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        # in whole grey levels, so that flat areas stay flat
        smaller = [cv2.resize(image, _small(image.shape[:2], shrink)[::-1]) for image in images]
        self._sizes = [(i.shape[:2], s.shape[:2]) for i, s in zip(images, smaller, strict=True)]
        self._iterations, self._device = iterations, device or torch.device("cpu")
        self._matrix = transition(smaller, self._device)

    def refine(self, scores: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Refine the score maps of each image.

        A refined score is a weighted mean of scores of its map, so it lies between the extremes of
        that map, and scores that sum to 1 over the labels still do. Class activation maps lose
        height; the published methods scale them by their maximum again.

        Args:
            scores: Scores (..., H, W) of each image, any number of maps.

        Returns:
            Refined scores float32, of the same shapes.

        Raises:
            ValueError: The scores of an image have another size.
            NotFiniteError: Scores are not finite.
        """
        maps = [self._shrunk(one, *size) for one, size in zip(scores, self._sizes, strict=True)]
        most = max(map(len, maps))
        joined = torch.cat([pad(one, (0, 0, 0, most - len(one))) for one in maps], 1)
        walked = repeat_step(joined, self._matrix, self._iterations)
        parts = walked.split([one.shape[1] for one in maps], 1)
        return [
            _grown(part[: len(own)], *size).reshape(one.shape)
            for part, own, size, one in zip(parts, maps, self._sizes, scores, strict=True)
        ]

    def _shrunk(self, scores: np.ndarray, size: Size, small: Size) -> Tensor:
        """Make scores (..., H, W) small maps (L, h w)."""
        if scores.ndim < 2 or scores.shape[-2:] != size:
            raise ValueError(f"scores must be (..., {size[0]}, {size[1]}), not {scores.shape}")
        finite(scores, "scores before PAR")
        maps = scores.reshape(1, -1, *size).astype(np.float32, copy=False)
        return resize_bilinear(torch.from_numpy(maps).to(self._device), small)[0].flatten(1)


class ImagePAR:
    """The PAR of one image, see `BatchPAR`; its scores are refined like those of `crf.ImageCRF`."""

    def __init__(
        self,
        image: np.ndarray,
        iterations: int = 20,
        shrink: int = 2,
        device: torch.device | None = None,
    ) -> None:
        self._batch = BatchPAR([image], iterations, shrink, device)

    def refine(self, scores: np.ndarray) -> np.ndarray:
        """Refine scores (..., H, W), see `BatchPAR.refine`."""
        return self._batch.refine([scores])[0]


def _small(size: Size, shrink: int) -> Size:
    return max(size[0] // shrink, 1), max(size[1] // shrink, 1)


def _grown(maps: Tensor, size: Size, small: Size) -> np.ndarray:
    """Bring small maps (L, h w) to a size (L, H, W)."""
    found: np.ndarray = resize_bilinear(maps.view(1, -1, *small), size)[0].cpu().numpy()
    return found


def transition(images: Sequence[np.ndarray], device: torch.device) -> Tensor:
    """Build the matrix of one step of PAR, for the pixels of all images of a batch.

    Each of the 48 neighbours of a pixel has the weight `(colour + 0.01 position) / 1.01`, where
    both kernels are softmaxes over the neighbours. The official code leaves out the division, so
    that maps grow by 1 % in every step.

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
    position = _position().to(colours)
    for near, centre, out in zip(
        neighbours.split(BAND), colours.split(BAND, 1), weights.split(BAND), strict=True
    ):
        for channel, here in zip(colours, centre, strict=True):
            difference = channel.index_select(0, near.flatten()).view_as(out).sub_(here[:, None])
            out -= _unlikeness(difference)
        torch.add(NEARNESS * position, out.div_(len(colours)).softmax(1), out=out)
    return weights.div_(1 + NEARNESS)


def _unlikeness(difference: Tensor) -> Tensor:
    """Square differences from the neighbours (n, 48), in `WIDTH` standard deviations of theirs.

    The variance is that of the neighbours, with Bessel's correction; its sums are whole numbers.
    """
    count = difference.shape[1]
    total, squares = difference.sum(1).double(), difference.square_().sum(1).double()
    deviation = ((count * squares - total**2) / (count * (count - 1))).sqrt()
    return difference.mul_((WIDTH * (deviation + EPS)).pow(-2).float()[:, None])


def _position() -> Tensor:
    """Weigh the neighbours by their distance (48,)."""
    distance = torch.tensor(OFFSETS).double().norm(dim=1)
    return (-((distance / (distance.std() + EPS) / WIDTH) ** 2)).softmax(0)
