from pathlib import Path

import numpy as np
import pytest

from wsss.errors import UserError
from wsss.io.index import Item
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsReader, MapsWriter
from wsss.report.pictures import layers

ITEM = Item("a", "val", Path("a.png"), "0", (6,))


def maps(path: Path, **arrays: np.ndarray) -> MapsReader:
    with MapsWriter(path) as out:
        out.put("a", classes=np.array([6]), **arrays)
    return MapsReader([path])


def test_crf_is_drawn_at_its_lowest_and_highest_exponent(tmp_path: Path) -> None:
    posteriors = {f"alpha_{a}": np.full((2, 1, 1), a, np.uint8) for a in (4, 16, 32)}
    posteriors["alpha_32"][1] = 99
    shown = layers("crf", maps(tmp_path / "1.npz", **posteriors), ITEM, (1, 1))
    assert {caption: int(labels.item()) for caption, labels in shown.items()} == {
        "CRF, alpha 4": 0,
        "CRF, alpha 32": 7,
    }


def test_a_damaged_cam_is_not_drawn(tmp_path: Path) -> None:
    cam = np.full((1, 1, 1), np.nan, np.float16)
    reader = maps(tmp_path / "1.npz", cam=cam, size=np.array([4, 4]))
    with pytest.raises(UserError, match=r"1\.npz: .* outside \[-1, 1\]"):
        layers("cam", reader, ITEM, (4, 4))


@pytest.mark.parametrize(("stage", "caption"), [("walk", "pseudo label"), ("segment/net", "net")])
def test_label_maps_are_drawn_as_they_are(stage: str, caption: str, tmp_path: Path) -> None:
    labels = np.array([[0, 3]], np.uint8)
    with LabelWriter(tmp_path / "labels.tsv") as out:
        out.put("a", labels)
    ((name, shown),) = layers(stage, LabelReader([tmp_path / "labels.tsv"]), ITEM, (1, 2)).items()
    assert name == caption and np.array_equal(shown, labels)
