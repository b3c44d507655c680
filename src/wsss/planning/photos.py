"""Made-up photographs with labels and masks, on which the stages are rehearsed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from wsss.demo.scenes import make_scene
from wsss.io.labels import IGNORE
from wsss.planning.images import Images
from wsss.products import Split

GRAIN = 3.0
"""Standard deviation of the grain, in grey levels; with it a CRF takes as long as on photographs
of PASCAL VOC."""

_KINDS = 4
"""Figures that a scene can begin with."""


def dataset_of(images: Images) -> dict[str, object]:
    """Return the section `dataset` of the configuration for what `write_photos` writes."""
    names = [f"class {number}" for number in range(images.classes)]
    return {"name": "forecast", "source": "csv", "root": "data", "classes": names}


def write_photos(folder: Path, images: Images) -> None:
    """Write photographs, masks and labels.csv of a data set of source csv.

    Args:
        folder: where; it is made.
        images: their number, size, classes and labels.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ["image,split,labels,mask"]
    for number in range(images.train + images.val):
        split = "train" if number < images.train else "val"
        present = _labels(number, images)
        photo, mask = _photo(rng, images.size, present)
        Image.fromarray(photo).save(folder / f"{number}.jpg", quality=90)
        Image.fromarray(mask).save(folder / f"{number}.png")
        names = ";".join(f"class {label}" for label in present)
        lines.append(f"{number}.jpg,{split},{names},{number}.png")
    (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8")


def _labels(number: int, images: Images) -> list[int]:
    """Return the labels of an image: at least one, and on average as many as configured."""
    few, share = divmod(min(max(images.labels, 1), images.classes), 1)
    # spreads the share evenly over consecutive images
    more = int((number + 1) * share) > int(number * share)
    count = int(few) + more
    return sorted({(number + step) % images.classes for step in range(count)})


def _photo(
    rng: np.random.Generator, size: tuple[int, int], present: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a photograph (H, W, 3) uint8 and a mask (H, W) uint8 of these classes."""
    scene, drawn = make_scene(rng, size, int(rng.integers(_KINDS)))
    grain = rng.normal(0, GRAIN, (*size, 1)) + rng.normal(0, GRAIN / 3, (*size, 3))
    ids = np.full(256, 0, np.uint8)
    ids[1:IGNORE] = [present[label % len(present)] + 1 for label in range(IGNORE - 1)]
    ids[IGNORE] = IGNORE
    return np.clip(scene + grain, 0, 255).astype(np.uint8), ids[drawn]


@dataclass(frozen=True)
class MadeUp:
    """Contents of a data set of which nothing but the number of images is known.

    See `wsss.plan.contents.Contents`.

    Attributes:
        count: number of images of a split; None = not known before they are cut into tiles.
    """

    count: Callable[[Split], int | None]

    def index(self, split: Split) -> str:  # noqa: ARG002
        """Return nothing."""
        return ""

    def masks(self, split: Split) -> str:  # noqa: ARG002
        """Return nothing."""
        return ""

    def drawn(self, split: Split) -> str:  # noqa: ARG002
        """Return nothing."""
        return ""

    def file(self, path: str) -> str:  # noqa: ARG002
        """Return nothing."""
        return ""

    def folder(self, path: str, patterns: tuple[str, ...]) -> str:  # noqa: ARG002
        """Return nothing."""
        return ""

    def tiles(self) -> str:
        """Return nothing."""
        return ""

    def images(self, split: Split) -> int | None:
        """Return the number of images of a split."""
        return self.count(split)
