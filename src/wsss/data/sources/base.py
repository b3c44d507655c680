"""The interface of a data source."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsss.config.dataset import Dataset
from wsss.data.sources.listing import Listing

Read = Callable[[Dataset, Path], Listing]
DrawMask = Callable[[], np.ndarray]
"""Returns the label map (H, W) uint8 of one image."""


def _no_files(*_: object) -> Iterable[Path]:
    return ()


def _no_masks(*_: object) -> dict[str, DrawMask]:
    return {}


def _no_sizes(_: Dataset) -> dict[str, int]:
    return {}


@dataclass(frozen=True)
class Source:
    """A kind of data set. Its functions return paths below the root that they are given.

    Attributes:
        read: (dataset, root) -> listing of images, labels and mask files.
        outline: the same, but opens no file of a single image, whose labels may then be missing;
            None = `read` opens none either.
        masks: (dataset, root, split) -> by image id what draws each mask that is not a PNG of
            the data set's own.
        masks_checked: `masks` itself finds every mistake, without drawing anything.
        drawn_from: (dataset, root, split) -> files that `masks` draws from.
        hashed_tables: (dataset, root, split) -> tables too large to be read for a comparison, so
            that their bytes count for a split.
        parsed_tables: (dataset, root) -> tables whose content counts, split by split; their bytes
            do only if `outline` cannot read them.
        known_sizes: dataset -> number of images by split, of splits that it is known of before
            the images are made or downloaded.
    """

    read: Read
    outline: Read | None = None
    masks: Callable[[Dataset, Path, str], Mapping[str, DrawMask]] = _no_masks
    masks_checked: bool = False
    drawn_from: Callable[[Dataset, Path, str], Iterable[Path]] = _no_files
    hashed_tables: Callable[[Dataset, Path, str], Iterable[Path]] = _no_files
    parsed_tables: Callable[[Dataset, Path], Iterable[Path]] = _no_files
    known_sizes: Callable[[Dataset], Mapping[str, int]] = _no_sizes

    def list_cheaply(self, dataset: Dataset, root: Path) -> Listing:
        """List the images without opening a file of any single one."""
        return (self.outline or self.read)(dataset, root)
