"""What the sets share: where chance comes from, and how pixels become tensors.

The sets are indexed by (epoch, position), and every random step of a sample depends on the seed,
the epoch and the position alone: neither the number of workers nor an interruption changes it.
"""

import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from wsss.data.transforms import colour_jitter, flip
from wsss.io.index import Item

Sample = dict[str, Tensor]
Jitter = tuple[float, float, float, float]


class Samples(Dataset):
    """Samples of `items`, cropped to squares of side `crop`, with colour `jitter`."""

    def __init__(self, items: Sequence[Item], crop: int, jitter: Jitter, seed: int) -> None:
        self.items = items
        self.crop = crop
        self.jitter = jitter
        self.seed = seed

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: tuple[int, int]) -> Sample:
        epoch, position = place
        rng = random.Random(f"{self.seed}/{epoch}/{position}")
        return self._sample(self.items[position], rng)

    def _sample(self, item: Item, rng: random.Random) -> Sample:
        raise NotImplementedError


def coin(rng: random.Random) -> bool:
    """Toss a fair coin."""
    return rng.random() < 0.5


def jittered(
    image: np.ndarray, rng: random.Random, jitter: Jitter, share: float = 1.0
) -> np.ndarray:
    """Return the image with its colours jittered, in a share of the cases."""
    return colour_jitter(image, rng, jitter) if share >= 1 or rng.random() < share else image


def flipped(array: np.ndarray, mirror: bool) -> np.ndarray:
    """Return `array` (H, W, ...), mirrored if asked to."""
    return flip(array) if mirror else array


def chw(pixels: np.ndarray) -> Tensor:
    """Return pixels (H, W, 3) as a tensor (3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
