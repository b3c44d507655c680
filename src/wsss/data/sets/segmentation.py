"""Samples for the segmenter."""

import random
from collections.abc import Sequence

from wsss.data.augment import RECIPES, Frame
from wsss.data.jitter import Jitter
from wsss.data.loaders import Sample
from wsss.data.sets.samples import Samples
from wsss.io.images import read_item
from wsss.io.index import Item
from wsss.io.labels import LabelReader


class SegmentationSet(Samples):
    """Images with pseudo labels per pixel.

    A sample is that of the recipe, see `wsss.data.augment`.

    Args:
        items: the images.
        labels: their label maps.
        scale: range of the random scale, see the recipe.
        crop: S.
        jitter: strength of brightness, contrast, saturation and hue jitter.
        seed: seed of all random steps.
        augmentation: a name of `wsss.data.augment.RECIPES`.
    """

    def __init__(
        self,
        items: Sequence[Item],
        labels: LabelReader,
        scale: tuple[float, float] = (0.5, 1.5),
        crop: int = 448,
        jitter: Jitter = (0.3, 0.3, 0.3, 0.1),
        seed: int = 0,
        augmentation: str = "jitter",
    ) -> None:
        super().__init__(items, crop, jitter, seed)
        self.labels = labels
        self._frame = Frame(crop, scale, jitter)
        self._augment = RECIPES[augmentation]

    def _sample(self, item: Item, rng: random.Random) -> Sample:
        image, labels = read_item(item), self.labels.read(item.image_id)
        return self._augment(image, labels, rng, self._frame)
