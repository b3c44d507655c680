"""Samples for the classifier."""

import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from wsss.data.jitter import Jitter
from wsss.data.loaders import Sample
from wsss.data.sets.samples import Samples, coin, flipped, framed, jittered
from wsss.data.transforms import area_window, chw, crop_window, cut_area, resample, with_long_side
from wsss.io.images import read_item
from wsss.io.index import Item


class ClassificationSet(Samples):
    """Images with image-level labels.

    Order of the steps as in PSA `train_cls.py`: random long side, mirror, colour jitter,
    random crop; smaller images are padded with the mean colour. With `area`, a random
    part of the image is resized to the crop instead (EADER `train.py`).

    A sample is `{"image": (3, S, S) uint8, "inside": (4,), "label": (C,) float32 of 0 and 1}`, see
    `wsss.data.pixels.network_input`.

    Args:
        items: the images.
        num_classes: C.
        resize: smallest and largest long side, both included.
        crop: S.
        jitter: strength of brightness, contrast, saturation and hue jitter.
        seed: seed of all random steps.
        jitter_probability: probability of colour jitter (AEFT: 0.8).
        area: smallest and largest fraction of the image's area that the crop covers.
    """

    def __init__(
        self,
        items: Sequence[Item],
        num_classes: int,
        resize: tuple[int, int] = (256, 512),
        crop: int = 448,
        jitter: Jitter = (0.3, 0.3, 0.3, 0.1),
        seed: int = 0,
        jitter_probability: float = 1.0,
        area: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(items, crop, jitter, seed)
        self.num_classes = num_classes
        self.resize = resize
        self.jitter_probability = jitter_probability
        self.area = area

    def _sample(self, item: Item, rng: random.Random) -> Sample:
        image = read_item(item)
        sample = self._whole(image, rng) if self.area is None else self._part(image, self.area, rng)
        return sample | {"label": self._label(item)}

    def _label(self, item: Item) -> Tensor:
        """Image label as multi-hot vector (C,)."""
        label = torch.zeros(self.num_classes)
        label[list(item.classes)] = 1
        return label

    def _whole(self, image: np.ndarray, rng: random.Random) -> Sample:
        """Resize the image to a random long side and crop it."""
        image = resample(image, with_long_side(image.shape[:2], rng.randint(*self.resize)))
        image = jittered(flipped(image, coin(rng)), rng, self.jitter, self.jitter_probability)
        return framed(image, self.crop, crop_window(image.shape[:2], self.crop, rng))

    def _part(self, image: np.ndarray, area: tuple[float, float], rng: random.Random) -> Sample:
        """Resize a random part of the image to the crop."""
        image = cut_area(image, area_window(image.shape[:2], area, rng), self.crop)
        image = jittered(flipped(image, coin(rng)), rng, self.jitter, self.jitter_probability)
        return {"image": chw(image)}
