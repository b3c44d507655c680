"""Samples for a classifier that is also trained on boundary maps."""

import random
from collections.abc import Sequence

import numpy as np
import torch

from wsss.data.jitter import Jitter
from wsss.data.loaders import Sample
from wsss.data.sets.classification import ClassificationSet
from wsss.data.sets.samples import coin, flipped, framed, jittered
from wsss.data.transforms import crop, crop_window, resample, resize_maps, with_long_side
from wsss.io.images import read_item
from wsss.io.index import Item
from wsss.io.maps import MapsReader
from wsss.io.validated_maps import read_scores


class BoundarySet(ClassificationSet):
    """Images with image-level labels and boundary maps.

    Order of the steps as in SB `train_SB.py`: long side and mirror of image and maps together,
    colour jitter, crop of both (docs/methods/sb.md 5). Smaller images are padded with
    the mean colour, their maps with zeros.

    A sample is that of `ClassificationSet` with `"boundary"` (C + 1, S, S) uint8, 255 = 1,
    background first, zeros for absent classes.

    Args:
        items: the images.
        maps: their boundary maps, as `make_boundaries` writes them.
        num_classes: C.
        resize: smallest and largest long side, both included.
        crop: S.
        jitter: strength of brightness, contrast, saturation and hue jitter.
        seed: seed of all random steps.
        jitter_probability: probability of colour jitter.
    """

    def __init__(
        self,
        items: Sequence[Item],
        maps: MapsReader,
        num_classes: int,
        resize: tuple[int, int] = (448, 768),
        crop: int = 448,
        jitter: Jitter = (0.3, 0.3, 0.3, 0.1),
        seed: int = 0,
        jitter_probability: float = 1.0,
    ) -> None:
        super().__init__(items, num_classes, resize, crop, jitter, seed, jitter_probability)
        self.maps = maps

    def _sample(self, item: Item, rng: random.Random) -> Sample:
        # image (H, W, 3) and stored maps (H, W, 1 + K), background first
        image = read_item(item)
        image = resample(image, with_long_side(image.shape[:2], rng.randint(*self.resize)))
        mirror = coin(rng)
        stored = read_scores(self.maps, item, "boundary")["boundary"]
        maps = flipped(resize_maps(stored, image.shape[:2]), mirror)
        image = jittered(flipped(image, mirror), rng, self.jitter, self.jitter_probability)
        window = crop_window(image.shape[:2], self.crop, rng)
        # all classes: (C + 1, S, S)
        boundary = np.zeros((self.num_classes + 1, self.crop, self.crop), np.uint8)
        channels = [0, *(number + 1 for number in item.classes)]
        boundary[channels] = crop(maps, self.crop, window).transpose(2, 0, 1)
        return framed(image, self.crop, window) | {
            "label": self._label(item),
            "boundary": torch.from_numpy(boundary),
        }
