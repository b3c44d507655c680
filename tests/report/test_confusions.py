import re

import numpy as np

from wsss.report import confusions

NAMES = ("background", "cat", "dog")
PIXELS = ((60, 20, 0), (2, 8, 10), (0, 0, 0))


def test_the_most_frequent_confusions_come_first() -> None:
    assert confusions.top(PIXELS, NAMES) == [
        ("background", "cat", "25.0", "20.0"),
        ("cat", "dog", "50.0", "10.0"),
        ("cat", "background", "10.0", "2.0"),
    ]


def test_cells_say_what_they_are() -> None:
    svg = confusions.matrix(PIXELS, NAMES, "of <it>")
    words = re.findall("<title>(.*?)</title>", svg)
    assert words[:2] == [
        "background found as background: 75.0 %",
        "background taken for cat: 25.0 %",
    ]
    assert len(words) == 5 and "of &lt;it&gt;" in svg and svg.count("<text") == 6


def test_many_labels_have_no_names_beside_the_matrix() -> None:
    names = [f"class {i}" for i in range(81)]
    svg = confusions.matrix(np.eye(81, dtype=int).tolist(), names, "it")
    assert "<text" not in svg and svg.count("<title>") == 81
