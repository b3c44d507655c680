"""Prediction of masks by a trained segmenter, for `wsss predict` and the Python interface."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from wsss.config.merging import merge
from wsss.config.segmenter import SegmenterInfer
from wsss.data.photos import Photo
from wsss.data.views import Scaled, scaled_copies
from wsss.engine.checkpoint import Model
from wsss.io.images import LARGEST, WHOLE, decode
from wsss.io.index import FULL
from wsss.io.progress import log
from wsss.names import NO_CLASS
from wsss.stages.finite import finite_scores
from wsss.stages.infer_segmenter import Observer, make_segmenter, segment, segment_tiles
from wsss.stages.inference import Watch, for_inference
from wsss.tiles.layout import Window, layout

_AHEAD = 250_000_000
"""Largest number of pixels, scaled copies included, that are read ahead."""

UNPACKED = "%s: has no settings of inference (the model.pt in the folder of a run has)"
"""Message for the file of a network without them, of an older version or of a training."""

_SINGLE_SCALE = SegmenterInfer(scales=[1.0], flip=False)


class Given(NamedTuple):
    """An image that was read.

    Attributes:
        pixels: scaled, or (H, W, 3) uint8 RGB if the image is to be cut.
        dim: `Decoded.dim` of the file.
    """

    pixels: Scaled | np.ndarray
    dim: int | None = None

    @property
    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        return self.pixels.image if isinstance(self.pixels, Scaled) else self.pixels


@dataclass(frozen=True)
class Options:
    """Options of the prediction.

    Attributes:
        infer: scales, flip and CRF.
        tile: side in pixels of the tiles that larger images are cut into; None = no tiles.
        overlap: minimum overlap of neighbouring tiles in pixels; None = a quarter of `tile`.
        white: white of 16-bit samples, see `wsss.io.images.read_image`.
    """

    infer: SegmenterInfer = _SINGLE_SCALE
    tile: int | None = None
    overlap: int | None = None
    white: int = FULL

    @property
    def limit(self) -> int:
        """Maximum number of pixels of an image."""
        return LARGEST if self.tile else WHOLE

    def windows(self, size: tuple[int, int]) -> list[Window]:
        """Return the tiles of an image of size (H, W)."""
        tile = self.tile or 0
        return layout(size, tile, tile // 4 if self.overlap is None else self.overlap)

    def read(self, path: Path) -> Given:
        """Read an image.

        Raises:
            UserError: as `wsss.io.images.read_image`.
        """
        image = decode(path, self.limit, self.white)
        return self.prepared(image.pixels)._replace(dim=image.dim)

    def prepared(self, pixels: np.ndarray) -> Given:
        """Scale an image (H, W, 3) uint8 RGB, unless it is to be cut."""
        if self.tile:
            return Given(pixels)
        return Given(scaled_copies(pixels, self.infer.scales, self.infer.resampling))

    def readers(self, photos: Sequence[Photo], threads: int) -> int:
        """Return the number of photos to read ahead: one per thread, fewer if they are large.

        An image that is cut may be large, hence its tiles are prepared ahead in place of the next.
        """
        if self.tile:
            return 0
        sides = (photo.size for photo in photos)
        largest = max((height * width for height, width in sides), default=1)
        copies = 1 + sum(scale**2 for scale in self.infer.scales)
        return min(threads, max(1, int(_AHEAD / (largest * copies))))


class Carried(NamedTuple):
    """Settings of inference that a `model.pt` carries.

    Attributes:
        infer: scales, flip and CRF.
        white: white of 16-bit samples of the images that it was trained on.
    """

    infer: SegmenterInfer
    white: int


def carried(meta: Mapping[str, Any], source: Path) -> Carried:
    """Return the settings in a segmenter; of older files, which have none, the simplest.

    Args:
        meta: metadata in the file.
        source: the file, for the log.
    """
    found = meta.get("inference")
    if found is None:
        log.warning(f"{UNPACKED}: one scale, not mirrored, no CRF", source)
        return Carried(_SINGLE_SCALE, FULL)
    return Carried(SegmenterInfer.model_validate(found), meta["white"])


def overridden(
    infer: SegmenterInfer, scales: Sequence[float] | None, flip: bool | None, crf: int | None
) -> SegmenterInfer:
    """Return settings of inference with others in their place.

    Args:
        infer: the settings.
        scales: scales of the image; None = as they are.
        flip: whether the mirrored image counts, too; None = as it is.
        crf: iterations of the dense CRF; None = as they are.
    """
    iterations = None if crf is None else {"iterations": crf}
    options = {"scales": scales, "flip": flip, "crf": iterations}
    given = {key: value for key, value in options.items() if value is not None}
    return SegmenterInfer.model_validate(merge(infer.model_dump(), given))


class Predictor:
    """A trained segmenter on its device.

    Args:
        model: what was read from its file.
        source: that file.
        options: how it predicts.
        threads: CPU threads.
        where: its device; None = that of inference.

    Attributes:
        names: names of the labels, background first.

    Raises:
        UserError: the network cannot be built.
    """

    def __init__(
        self,
        model: Model,
        source: Path,
        options: Options,
        threads: int,
        where: torch.device | None = None,
    ) -> None:
        self.names: tuple[str, ...] = (NO_CLASS, *model.meta["classes"])
        self.options, self.threads, self._source = options, threads, source
        net = make_segmenter(model, source)
        self._net = for_inference(net, threads, options.infer.precision, where)
        self._watch = Watch(self._net)

    def labels(self, name: Path | str, given: Given, show: Observer | None = None) -> np.ndarray:
        """Return the (H, W) uint8 label map of an image.

        Args:
            name: of the image, for errors.
            given: the image as `Options` read or prepared it.
            show: is shown the probabilities.

        Raises:
            UserError: the network gives numbers that are not finite, or the image is too large for
                the memory of the GPU.
        """
        infer, pixels = self.options.infer, given.pixels
        with finite_scores(name, self._source), self._watch():
            if isinstance(pixels, Scaled):
                return segment(self._net, pixels, infer, show=show)
            height, width = pixels.shape[:2]
            windows = self.options.windows((height, width))
            return segment_tiles(self._net, pixels, infer, windows, self.threads, show)


class Highest:
    """Highest probability of every label in an image, whose bands are shown one by one.

    Attributes:
        values: (L,) float32.
    """

    def __init__(self) -> None:
        self.values = np.zeros(1, np.float32)

    def __call__(self, probabilities: np.ndarray) -> None:
        """Take in the probabilities (L, h, W) of a band."""
        self.values = np.maximum(self.values, probabilities.max((1, 2)))


def shares(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the fraction of the pixels of a label map (H, W) of each of `count` labels."""
    pixels = np.bincount(labels.ravel(), minlength=count)[:count]
    return pixels / max(labels.size, 1)
