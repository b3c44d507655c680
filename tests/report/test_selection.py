import numpy as np
import pytest

from wsss.report import selection
from wsss.report.selection import Look

NAMES = ["cat", "dog"]


def label_map(share: float, label: int = 1) -> np.ndarray:
    labels = np.zeros((100, 100), np.uint8)
    labels[: round(100 * share)] = label
    return labels


def test_a_good_mask_gives_no_reason() -> None:
    assert selection.reasons(label_map(0.3), [0], NAMES, certainty=0.9) == {}
    assert selection.reasons(label_map(0), [], NAMES) == {}


@pytest.mark.parametrize(
    ("labels", "classes", "certainty", "reason"),
    [
        (label_map(0.3), [0, 1], None, "no pixel of dog"),
        (label_map(0.3), [], None, "cat: not among its labels"),
        (label_map(0.0), [0], None, "no pixel of cat"),
        (label_map(0.95), [0], None, "almost everything is foreground (95.0 %)"),
        (label_map(0.95, 255), [], None, "almost everything is ignored (95.0 %)"),
        (label_map(0.3), [0], 0.5, "the refined maps are unsure (50.0 %)"),
    ],
)
def test_reasons(labels, classes, certainty, reason) -> None:
    assert list(selection.reasons(labels, classes, NAMES, certainty)) == [reason]


def test_a_speck_is_almost_nothing() -> None:
    labels = label_map(0)
    labels[0, :9] = 1
    assert list(selection.reasons(labels, [0], NAMES)) == ["almost nothing is foreground (0.1 %)"]


def test_pieces_are_counted() -> None:
    labels = label_map(0)
    labels[::10, ::10] = 1
    labels[50:] = 1
    assert "cat is in 51 pieces" in selection.reasons(labels, [0], NAMES)


def test_stages_that_agree_do_not_differ() -> None:
    last, half = label_map(0.4), label_map(0.2)
    assert selection.disagreement(last, [last, half], [0]) == pytest.approx(0.25)
    assert selection.disagreement(last, [], [0]) is None
    assert selection.disagreement(last, [half], []) is None


def test_the_strangest_come_first() -> None:
    looks = {
        "a": Look({}, 0.0),
        "b": Look({"x": 0.2}, 0.5),
        "c": Look({"x": 0.2, "y": 0.3}, None),
        "d": Look({"x": 0.2}, 0.9),
    }
    assert selection.suspicious(looks, 2) == ["c", "b"]
    assert selection.disagreeing(looks, 5) == ["d", "b"]
