"""Base class of the data sets, with reproducible randomness.

The sets are indexed by (epoch, position). The random generator of a sample is seeded by the seed,
the epoch and the position, so samples depend neither on the number of workers nor on resuming.
"""

import random
from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from wsss.data.jitter import Jitter, colour_jitter
from wsss.data.loaders import Sample
from wsss.data.transforms import chw, covered, crop, flip
from wsss.io.index import Item


class Samples(Dataset[Sample]):
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
    image: np.ndarray, rng: random.Random, jitter: Jitter, probability: float = 1.0
) -> np.ndarray:
    """Jitter the colours of an image with the given probability."""
    chosen = probability >= 1 or rng.random() < probability
    return colour_jitter(image, rng, jitter) if chosen else image


def flipped(array: np.ndarray, mirror: bool) -> np.ndarray:
    """Mirror `array` (H, W, ...) if `mirror` is set."""
    return flip(array) if mirror else array


def framed(image: np.ndarray, side: int, window: tuple[int, int]) -> Sample:
    """Crop an image; `wsss.data.pixels` fills what it leaves free with the mean colour.

    Args:
        image: (H, W, 3) uint8 RGB.
        side: S.
        window: see `crop_window`.

    Returns:
        `{"image": (3, S, S) uint8, "inside": (4,)}`, the second as in `network_input`.
    """
    inside = torch.tensor(covered(image.shape[:2], side, window))
    return {"image": chw(crop(image, side, window)), "inside": inside}
