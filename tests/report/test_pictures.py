from pathlib import Path

import numpy as np
import pytest

from wsss.errors import UserError
from wsss.io.index import Item
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsReader, MapsWriter
from wsss.pipeline import product
from wsss.report.pictures import Predictions, layers

ITEM = Item("a", "val", Path("a.png"), "0", (6,))


def maps(path: Path, **arrays: np.ndarray) -> MapsReader:
    with MapsWriter(path) as out:
        out.put("a", classes=np.array([6]), **arrays)
    return MapsReader([path])


def test_crf_is_drawn_at_its_lowest_and_highest_exponent(tmp_path: Path) -> None:
    posteriors = {f"alpha_{a}": np.full((2, 1, 1), a, np.uint8) for a in (4, 16, 32)}
    posteriors["alpha_32"][1] = 99
    shown = layers(
        Predictions(product("refined"), maps(tmp_path / "1.tsv", **posteriors)), ITEM, (1, 1)
    )
    assert {caption: int(labels.item()) for caption, labels in shown.items()} == {
        "refined maps, alpha 4": 0,
        "refined maps, alpha 32": 7,
    }


def test_a_damaged_cam_is_not_drawn(tmp_path: Path) -> None:
    cam = np.full((1, 1, 1), np.nan, np.float16)
    reader = maps(tmp_path / "1.tsv", cam=cam, size=np.array([4, 4]))
    with pytest.raises(UserError, match=r"1\.npz: .* outside \[-1, 1\]"):
        layers(Predictions(product("cam"), reader), ITEM, (4, 4))


@pytest.mark.parametrize(("name", "caption"), [("walk", "pseudo labels"), ("segment", "segmenter")])
def test_label_maps_are_drawn_as_they_are(name: str, caption: str, tmp_path: Path) -> None:
    labels = np.array([[0, 3]], np.uint8)
    with LabelWriter(tmp_path / "labels.tsv") as out:
        out.put("a", labels)
    reader = LabelReader([tmp_path / "labels.tsv"])
    ((found, shown),) = layers(Predictions(product(name), reader), ITEM, (1, 2)).items()
    assert found == caption and np.array_equal(shown, labels)
