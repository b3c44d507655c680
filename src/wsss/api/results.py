"""Results of a network for one image."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from wsss.errors import UserError
from wsss.io.labels import write_labels
from wsss.names import closest
from wsss.ops.seeds import upsample_cam
from wsss.report.legend import with_legend
from wsss.report.overlays import overlay, smaller
from wsss.report.panels import Heatmap, assign, paint_cam
from wsss.stages.predicting import shares


@dataclass(frozen=True, eq=False)
class Prediction:
    """Mask of an image, as a segmenter predicts it.

    Attributes:
        name: path of the image, or what it is.
        image: (H, W, 3) uint8 RGB, upright.
        labels: (H, W) uint8: 0 = background, 1 = first class, ...
        probabilities: (L, H, W) float32 of every label, background first, which sum to 1; of the
            network, before the CRF that `labels` may have passed; None for an image in tiles.
        names: name of every label, background first.
        highest: (L,) float32, highest probability of every label.
    """

    name: str
    image: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    probabilities: np.ndarray | None = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    highest: np.ndarray = field(repr=False)

    @cached_property
    def shares(self) -> Mapping[str, float]:
        """Fraction of the pixels by label."""
        found = shares(self.labels, len(self.names)).tolist()
        return dict(zip(self.names, found, strict=True))

    @cached_property
    def scores(self) -> Mapping[str, float]:
        """Highest probability in the image by label."""
        return dict(zip(self.names, self.highest.tolist(), strict=True))

    def mask(self, name: str) -> np.ndarray:
        """Return the pixels (H, W) bool of a label by its name.

        Raises:
            UserError: there is no such label.
        """
        if name not in self.names:
            hint = closest(name, self.names) or f"there are {', '.join(self.names)}"
            raise UserError(f"no label {name!r}; {hint}")
        found: np.ndarray = self.labels == self.names.index(name)
        return found

    def overlay(self) -> Image.Image:
        """Return the mask painted on the image in grey, above a legend.

        Images longer than 2000 pixels are scaled down.
        """
        return overlay(self.labels, self.image, self.names)

    def save(self, path: str | Path) -> None:
        """Write the mask as `wsss predict` does: a palette PNG whose values are the labels."""
        write_labels(Path(path), self.labels)

    def __repr__(self) -> str:
        height, width = self.labels.shape
        found = (f"{name} {100 * share:.1f} %" for name, share in self.shares.items() if share)
        return f"<mask of {self.name}, {width} x {height}: {', '.join(found)}>"

    def _repr_png_(self) -> bytes:
        return _png(self.overlay())


@dataclass(frozen=True, eq=False)
class Classification:
    """Classes of an image, as a classifier finds them.

    Attributes:
        name: path of the image, or what it is.
        scores: probability by class; they do not sum to 1.
    """

    name: str
    scores: Mapping[str, float]

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes with a probability of at least one half."""
        return tuple(name for name, score in self.scores.items() if score >= 0.5)


@dataclass(frozen=True, eq=False)
class Cams:
    """Class activation maps of an image.

    Attributes:
        name: path of the image, or what it is.
        image: (H, W, 3) uint8 RGB, upright.
        labels: the classes of the maps.
        maps: (K, ceil(H/4), ceil(W/4)) float16, as the chain stores them: 1 = strongest.
        classes: (K,) numbers of these classes.
    """

    name: str
    image: np.ndarray = field(repr=False)
    labels: tuple[str, ...]
    maps: np.ndarray = field(repr=False)
    classes: np.ndarray = field(repr=False)

    def full(self) -> np.ndarray:
        """Return the maps (K, H, W) float32 at the size of the image."""
        height, width = self.image.shape[:2]
        return upsample_cam(self.maps, (height, width))

    def overlay(self) -> Image.Image:
        """Return the strongest class of each pixel painted on the image, above a legend."""
        colours = assign(self.classes.tolist())
        painted = paint_cam(Heatmap(self.maps, self.classes), smaller(self.image), colours)
        return with_legend(painted, [*zip(self.labels, colours.values(), strict=True)])

    def _repr_png_(self) -> bytes:
        return _png(self.overlay())


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
