import numpy as np
import pytest

from wsss.metrics.suspicion import Doubt, Stage, doubts, likeness, reasons, suspicion

NAMES = {1: "cat", 2: "dog"}


def labels(*rows: str) -> np.ndarray:
    return np.array([[255 if s == "x" else int(s) for s in row] for row in rows], np.uint8)


GOOD = labels("0000000000", "0011100000", "0011100000", "0000000000")


def told(*args, **more):
    found = doubts(*args, **more)
    return round(suspicion(found), 4), reasons(found)


def test_a_compact_object_of_one_class_is_not_suspicious():
    assert told(GOOD, {1: "cat"}) == (0, [])
    assert told(np.zeros((4, 4), np.uint8), {}) == (0, [])


@pytest.mark.parametrize(
    ("rows", "names", "value", "reason"),
    [
        (["00000", "00000"], {2: "dog"}, 0.99, "no pixel of dog"),
        (["0" * 199 + "1"], {}, 0.5, "100 % of the objects are not among its labels"),
        (["00000", "00110"], {}, 0.99, "100 % of the objects are not among its labels"),
        (["1" * 20, "1" * 20], {1: "cat"}, 0.99, "100 % of the image are object"),
        (["1" * 19 + "0"], {1: "cat"}, 0.5, "95 % of the image are object"),
        (["x" * 19 + "1"], {1: "cat"}, 0.5, "95 % of the image are ignored"),
        (["1110100001"], {1: "cat"}, 0.4, "3 pieces, 40 % outside the largest of their class"),
        (["0" * 199 + "1"], {1: "cat"}, 0.5, "cat covers 0.5 % of the image"),
        (["0" * 99999 + "1"], {1: "cat"}, 0.99, "cat covers less than 0.01 % of the image"),
    ],
)
def test_what_a_label_map_shows(rows, names, value, reason):
    assert told(labels(*rows), names) == (pytest.approx(value), [reason])


def test_several_classes_and_their_pieces():
    # half of class 2 lies outside its largest piece, a quarter over both classes
    value, texts = told(labels("1100202000"), NAMES)
    assert value == pytest.approx(1 - 0.75 * 0.5)
    assert texts == ["2 classes in one image", "3 pieces, 25 % outside the largest of their class"]


def test_the_stage_before_and_undecided_pixels():
    before = Stage("refined maps", np.roll(GOOD, 1, axis=1))
    value, texts = told(GOOD, {1: "cat"}, before=before, undecided=0.2)
    # 4 of 8 pixels are in both
    assert value == pytest.approx(1 - 0.5 * 0.8)
    assert texts == [
        "unlike the refined maps (IoU 50 %)",
        "20 % of the pixels are undecided between object and background",
    ]


def test_the_suspicion_is_that_one_doubt_is_justified():
    assert suspicion([]) == 0
    assert suspicion([Doubt(0.5, ""), Doubt(0.5, "")]) == 0.75
    certain = suspicion([Doubt(1, "")])
    assert certain == pytest.approx(0.99) and suspicion([Doubt(1, ""), Doubt(0.1, "")]) > certain


def test_maps_are_alike_where_neither_has_a_label():
    assert likeness(labels("110"), labels("100"), {1: "cat", 2: "dog"}) == 0.75
    assert likeness(labels("0"), labels("0"), {}) == 1
