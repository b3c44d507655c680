"""Number, size and labels of the images that a forecast is made for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from wsss.config.dataset import Tiles
from wsss.products import Split
from wsss.tiles.layout import layout


@dataclass(frozen=True)
class Images:
    """A data set, as far as time and disk space depend on it.

    Attributes:
        train: number of training images.
        val: number of held-out images.
        size: (H, W) of a typical image in pixels.
        classes: number of classes.
        labels: mean number of labels of an image.
    """

    train: int
    val: int
    size: tuple[int, int]
    classes: int
    labels: float

    @property
    def megapixels(self) -> float:
        """Area of an image."""
        return self.size[0] * self.size[1] / 1e6

    def count(self, split: Split | None) -> int:
        """Return the number of images of a split; None = of both."""
        return {"train": self.train, "val": self.val, None: self.train + self.val}[split]

    def cut(self, tiles: Tiles | None) -> "Images":
        """Return the tiles of the images; the images themselves if they are not cut."""
        if tiles is None:
            return self
        windows = layout(self.size, tiles.size, tiles.overlap)
        side = (windows[0].height, windows[0].width)
        count = len(windows)
        return replace(self, train=self.train * count, val=self.val * count, size=side)


def typical_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the median height and the median width of images."""
    height, width = (round(median(side)) for side in zip(*sizes, strict=True))
    return height, width
