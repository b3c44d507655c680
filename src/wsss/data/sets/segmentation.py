"""Samples for the segmenter."""

import random
from collections.abc import Sequence

import numpy as np

from wsss.data.augment import RECIPES, Frame
from wsss.data.jitter import Jitter
from wsss.data.loaders import Sample
from wsss.data.sets.samples import Samples
from wsss.io.images import read_item
from wsss.io.index import Item, Masks
from wsss.io.labels import IGNORE, LabelReader, label_ids, read_mask
from wsss.io.maps import MapsReader
from wsss.io.validated_maps import read_refined
from wsss.ops.affinity import confident_labels


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
        refined: refined maps; pixels on which they do not agree with the labels are ignored.
        sure: highest score in them from which a pixel is learnt, whatever they agree on; None =
            they have to agree.
        masks: masks that replace the label maps of their images, with all their pixels.
        corrected: corrected label maps, which replace those of their images and their masks.
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
        refined: MapsReader | None = None,
        masks: Masks | None = None,
        sure: float | None = None,
        corrected: LabelReader | None = None,
    ) -> None:
        super().__init__(items, crop, jitter, seed)
        self.labels, self.refined, self.masks, self.sure = labels, refined, masks, sure
        self._corrected, self._corrected_ids = corrected, set(corrected.ids if corrected else ())
        self._frame = Frame(crop, scale, jitter)
        self._augment = RECIPES[augmentation]

    def _sample(self, item: Item, rng: random.Random) -> Sample:
        return self._augment(read_item(item), self._labels(item), rng, self._frame)

    def _labels(self, item: Item) -> np.ndarray:
        """Return the label map (H, W) uint8 that an image is learnt with."""
        if self._corrected is not None and item.image_id in self._corrected_ids:
            return self._corrected.read(item.image_id)
        if self.masks is not None and item.image_id in self.masks.paths:
            return read_mask(self.masks, item.image_id)
        labels = self.labels.read(item.image_id)
        if self.refined is None:
            return labels
        if self.sure is None:
            return confirmed(labels, self.refined, item)
        return certain(labels, self.refined, item, self.sure)


def confirmed(labels: np.ndarray, refined: MapsReader, item: Item) -> np.ndarray:
    """Ignore the pixels of a label map that the refined maps of its image do not confirm.

    They confirm an object that wins beside the strong background of the lowest exponent, and the
    background where it wins though weakest, with the highest exponent, as AffinityNet's labels.

    Args:
        labels: (H, W) uint8, 255 = ignored.
        refined: refined maps of the split.
        item: the image.

    Returns:
        (H, W) uint8, further pixels of which are 255.

    Raises:
        UserError: the maps are missing or invalid.
    """
    scores = [*read_refined(refined, item, labels.shape).values()]
    positions = confident_labels(scores[0], scores[-1])
    ids = np.full(IGNORE + 1, IGNORE, np.uint8)
    ids[: len(item.classes) + 1] = label_ids(np.array(item.classes, int))
    return np.where(ids[positions] == labels, labels, np.uint8(IGNORE))


def certain(labels: np.ndarray, refined: MapsReader, item: Item, least: float) -> np.ndarray:
    """Ignore the pixels of a label map on which the refined maps of its image are not sure.

    The confidence-guided loss of CLIP-ES (`eval_cam_with_crf.py`; docs/methods/clip_es.md 5).

    Args:
        labels: (H, W) uint8, 255 = ignored.
        refined: refined maps of the split.
        item: the image.
        least: highest score, of 1, in those of the lowest exponent from which they are.

    Returns:
        (H, W) uint8, further pixels of which are 255.

    Raises:
        UserError: the maps are missing or invalid.
    """
    scores = next(iter(read_refined(refined, item, labels.shape).values()))
    return np.where(scores.max(0) >= 255 * least, labels, np.uint8(IGNORE))
