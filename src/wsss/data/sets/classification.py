"""Samples for the classifier."""

import random
from collections.abc import Sequence

import torch

from wsss.data.sets.samples import Jitter, Sample, Samples, chw, coin, flipped
from wsss.data.transforms import colour_jitter, crop, crop_window, normalise, resize_long
from wsss.io.images import read_image
from wsss.io.index import Item


class ClassificationSet(Samples):
    """Images with image-level labels.

    Order of the steps as in PSA `train_cls.py`: random long side, mirror, colour jitter,
    normalise, random crop; a smaller image is surrounded by the mean colour.

    A sample is `{"image": (3, S, S) float32, "label": (C,) float32 of 0 and 1}`.

    Args:
        items: the images.
        num_classes: C.
        resize: smallest and largest long side, both included.
        crop: S.
        jitter: strength of brightness, contrast, saturation and hue jitter.
        seed: of all random steps.
    """

    def __init__(
        self,
        items: Sequence[Item],
        num_classes: int,
        resize: tuple[int, int] = (256, 512),
        crop: int = 448,
        jitter: Jitter = (0.3, 0.3, 0.3, 0.1),
        seed: int = 0,
    ) -> None:
        super().__init__(items, crop, jitter, seed)
        self.num_classes = num_classes
        self.resize = resize

    def _sample(self, item: Item, rng: random.Random) -> Sample:
        image = resize_long(read_image(item.image), rng.randint(*self.resize))
        image = colour_jitter(flipped(image, coin(rng)), rng, self.jitter)
        window = crop_window(image.shape[:2], self.crop, rng)
        label = torch.zeros(self.num_classes)
        label[list(item.classes)] = 1
        return {"image": chw(crop(normalise(image), self.crop, window)), "label": label}
