"""Samples for AffinityNet."""

import random
from collections.abc import Sequence

import numpy as np
import torch

from wsss.data.jitter import Jitter, colour_jitter
from wsss.data.loaders import Sample
from wsss.data.sets.samples import Samples, coin, flipped
from wsss.data.transforms import chw, crop, crop_window
from wsss.errors import UserError
from wsss.io.images import read_item
from wsss.io.index import Item
from wsss.io.maps import MapsReader
from wsss.io.validated_maps import read_scores
from wsss.ops.affinity import CELL, block_mean, confident_labels


class AffinitySet(Samples):
    """Images with labels of the cells on whose class the two refined maps agree.

    Order of the steps as in PSA `train_aff.py`: colour jitter, random crop of image and maps
    together, mirror. There is no scaling. Smaller images
    are padded with black, their maps with 0, which is ignored.

    A sample is `{"image": (3, S, S) uint8, "label": (S/8, S/8) uint8}`; a label is the position
    in the image's list of present classes (0 = background), 255 = ignored.

    Args:
        items: the images.
        maps: their refined maps, uint8 posteriors times 255, background first.
        low: name of the map with the low alpha.
        high: name of the map with the high alpha.
        crop: S, a multiple of 8.
        jitter: strength of brightness, contrast, saturation and hue jitter.
        seed: seed of all random steps.

    Raises:
        UserError: S is no multiple of 8.
    """

    def __init__(
        self,
        items: Sequence[Item],
        maps: MapsReader,
        low: str,
        high: str,
        crop: int = 448,
        jitter: Jitter = (0.3, 0.3, 0.3, 0.1),
        seed: int = 0,
    ) -> None:
        if crop % CELL:
            raise UserError(f"affinity.train.crop: {crop} is not a multiple of {CELL}")
        super().__init__(items, crop, jitter, seed)
        self.maps = maps
        self.names = (low, high)

    def _sample(self, item: Item, rng: random.Random) -> Sample:
        image = colour_jitter(read_item(item), rng, self.jitter)
        stored = read_scores(self.maps, item, *self.names, size=image.shape[:2])
        window = crop_window(image.shape[:2], self.crop, rng)
        # (1 + K, S, S) of each alpha
        low, high = (_crop_maps(stored[name], self.crop, window) for name in self.names)
        return affinity_sample(crop(image, self.crop, window), low, high, coin(rng))


def affinity_sample(image: np.ndarray, low: np.ndarray, high: np.ndarray, mirror: bool) -> Sample:
    """Make a sample of AffinityNet from cropped data.

    Args:
        image: (S, S, 3) uint8 RGB.
        low: (1 + K, S, S), scores of the low alpha, background first.
        high: (1 + K, S, S), of the high alpha.
        mirror: flip image and maps.

    Returns:
        `{"image": (3, S, S) uint8, "label": (S/8, S/8) uint8}`.
    """
    labels = confident_labels(block_mean(low, CELL), block_mean(high, CELL))
    label = torch.from_numpy(flipped(labels, mirror))
    return {"image": chw(flipped(image, mirror)), "label": label}


def _crop_maps(maps: np.ndarray, side: int, window: tuple[int, int]) -> np.ndarray:
    """Crop maps (L, H, W) to (L, S, S)."""
    return np.stack([crop(plane, side, window) for plane in maps])
