"""Pixel-adaptive refinement (PAR): each pixel becomes a mean of pixels of its colour, repeatedly.

Introduced with AFA (Ru et al., CVPR 2022, section 3.4); the constants are those of its code, which
ToCo, WeCLIP and ExCEL share. Nothing is trained.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from wsss.ops.finite import finite

if TYPE_CHECKING:
    import torch

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

Size = tuple[int, int]


class _Steps(Protocol):
    """An engine with the weights of the neighbours in some images."""

    def walk(self, maps: Sequence[np.ndarray], iterations: int) -> list[np.ndarray]:
        """Return the maps (L, h, w) float32 of each image after a number of steps."""


class BatchPAR:
    """The PAR of several images of any sizes, for any number of score maps of each.

    The weights depend on the images alone and are computed here, once for all scores.

    Each of the 48 neighbours of a pixel has the weight `(colour + 0.01 position) / 1.01`, where
    both kernels are softmaxes over the neighbours; beyond a border they are the pixel next to it
    within. The official code leaves out the division, so that maps grow by 1 % in every step.

    Args:
        images: Images (H, W, 3) uint8, at least one; the channel order does not matter.
        iterations: Steps >= 0: 10 in AFA and ToCo, 20 in WeCLIP and ExCEL.
        shrink: Factor by which images and scores are made smaller for the steps; 1 = not at all.
        device: Device of the caller's network, if it has one; a GPU is used.

    Raises:
        ValueError: An image is not (H, W, 3) uint8 with at least one pixel.
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        iterations: int = 20,
        shrink: int = 2,
        device: "torch.device | None" = None,
    ) -> None:
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
                raise ValueError(f"image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        self._sizes: list[Size] = [image.shape[:2] for image in images]
        self._small: list[Size] = [
            (max(height // shrink, 1), max(width // shrink, 1)) for height, width in self._sizes
        ]
        # in whole grey levels, so that flat areas stay flat
        smaller = [
            cv2.resize(image, size[::-1]) for image, size in zip(images, self._small, strict=True)
        ]
        self._iterations, self._steps = iterations, _steps(smaller, device)

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
        for one, size in zip(scores, self._sizes, strict=True):
            if one.ndim < 2 or one.shape[-2:] != size:
                raise ValueError(f"scores must be (..., {size[0]}, {size[1]}), not {one.shape}")
            finite(one, "scores before PAR")
        maps = [one.reshape(-1, *one.shape[-2:]).astype(np.float32, copy=False) for one in scores]
        small = [_resized(one, size) for one, size in zip(maps, self._small, strict=True)]
        walked = self._steps.walk(small, self._iterations)
        return [
            _resized(one, size).reshape(before.shape)
            for one, size, before in zip(walked, self._sizes, scores, strict=True)
        ]


class ImagePAR:
    """The PAR of one image, see `BatchPAR`; its scores are refined like those of `crf.ImageCRF`."""

    def __init__(
        self,
        image: np.ndarray,
        iterations: int = 20,
        shrink: int = 2,
        device: "torch.device | None" = None,
    ) -> None:
        self._batch = BatchPAR([image], iterations, shrink, device)

    def refine(self, scores: np.ndarray) -> np.ndarray:
        """Refine scores (..., H, W), see `BatchPAR.refine`."""
        return self._batch.refine([scores])[0]


def position() -> np.ndarray:
    """Weigh the neighbours of a pixel by their distance (48,) float32."""
    distance = np.hypot(*np.transpose(OFFSETS))
    powers = np.exp(-((distance / (distance.std(ddof=1) + EPS) / WIDTH) ** 2))
    return (powers / powers.sum()).astype(np.float32)


def _steps(images: Sequence[np.ndarray], device: "torch.device | None") -> _Steps:
    if device is not None and device.type == "cuda":
        from wsss.ops import par_torch

        return par_torch.Steps(images, device)
    from wsss.ops import par_cpu

    return par_cpu.Steps(images)


def _resized(maps: np.ndarray, size: Size) -> np.ndarray:
    """Bring maps (L, h, w) to a size, bilinearly (`align_corners=False`)."""
    out = np.empty((len(maps), *size), np.float32)
    for target, one in zip(out, maps, strict=True):
        cv2.resize(one, size[::-1], dst=target)
    return out
