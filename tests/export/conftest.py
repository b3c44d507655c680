from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss.export.label_maps import LabelMaps, open_label_maps
from wsss.io.index import Index, Item
from wsss.io.labels import LabelWriter

MASKS = {
    "a": np.array([[0, 1, 1], [2, 0, 1]], np.uint8),
    "b": np.array([[2, 2], [0, 255], [1, 0]], np.uint8),
    "c": np.zeros((2, 2), np.uint8),
}
CLASSES = ("cat", "dog")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., LabelMaps]:
    """Return what writes masks, photographs and an index, and opens them for export."""

    def label_maps(masks=MASKS, classes=CLASSES, folder="photos") -> LabelMaps:
        items = []
        (tmp_path / folder).mkdir(exist_ok=True)
        with LabelWriter(tmp_path / "masks/labels.tsv", '{"version":"0"}') as out:
            for name, labels in masks.items():
                path = tmp_path / folder / f"{name}.jpg"
                Image.new("RGB", labels.shape[::-1]).save(path)
                items.append(Item(name, "val", path, "0", ()))
                out.put(name, labels)
        Index(classes, tuple(items)).write(tmp_path / "index.tsv")
        return open_label_maps([tmp_path / "masks/labels.tsv"], [tmp_path / "index.tsv"], None)

    return label_maps


@pytest.fixture
def label_maps(make: Callable[..., LabelMaps]) -> LabelMaps:
    return make()
