"""Samples for the segmenter."""

import random
from collections.abc import Sequence

import torch

from wsss.data.sets.samples import Jitter, Sample, Samples, chw, coin, flipped
from wsss.data.transforms import (
    colour_jitter,
    crop,
    crop_window,
    normalise,
    resize,
    resize_labels,
    scaled,
)
from wsss.io.images import read_image
from wsss.io.index import Item
from wsss.io.labels import IGNORE, LabelReader


class SegmentationSet(Samples):
    """Images with pseudo labels per pixel.

    Order of the steps: colour jitter, mirror, random scale (bicubic, labels nearest), normalise,
    random crop. Around a smaller image lie the mean colour and IGNORE. Source: `seamv1-pseudovoc`
    of YudeWang/semantic-segmentation-codebase, with PSA's colour jitter for its HSV shift.

    A sample is `{"image": (3, S, S) float32, "label": (S, S) int64 ids, 255 = ignored}`.

    Args:
        items: the images.
        labels: their label maps.
        scale: smallest and largest factor on the image's size.
        crop: S.
        jitter: strength of brightness, contrast, saturation and hue jitter.
        seed: of all random steps.
    """

    def __init__(
        self,
        items: Sequence[Item],
        labels: LabelReader,
        scale: tuple[float, float] = (0.5, 1.5),
        crop: int = 448,
        jitter: Jitter = (0.3, 0.3, 0.3, 0.1),
        seed: int = 0,
    ) -> None:
        super().__init__(items, crop, jitter, seed)
        self.labels = labels
        self.scale = scale

    def _sample(self, item: Item, rng: random.Random) -> Sample:
        mirror = coin(rng)
        image = flipped(colour_jitter(read_image(item.image), rng, self.jitter), mirror)
        labels = flipped(self.labels.read(item.image_id), mirror)
        size = scaled(image.shape[:2], rng.uniform(*self.scale))
        window = crop_window(size, self.crop, rng)
        pixels = crop(normalise(resize(image, size)), self.crop, window)
        ids = crop(resize_labels(labels, size), self.crop, window, IGNORE)
        return {"image": chw(pixels), "label": torch.from_numpy(ids).long()}
