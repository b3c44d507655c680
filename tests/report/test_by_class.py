from statistics import stdev

import numpy as np
import pytest

from wsss.metrics.result import Evaluation, Metrics, Support
from wsss.metrics.tally import Tally
from wsss.report import by_class, tables
from wsss.report.content import RunResults

SUPPORT = Support(split="val", ground_truth="by hand", images=1, images_predicted=1)


def run_of(name: str, labels: list[int]) -> RunResults:
    """A run of one image of four pixels, two of which are background."""
    tally = Tally(2, 0.01)
    tally.add("a", (0,), np.array([labels], np.uint8), np.array([[0, 0, 1, 1]], np.uint8))
    metrics = Metrics.of(tally.result(), ("cat",), SUPPORT)
    return RunResults(
        name, {"walk": Evaluation(**dict(SUPPORT), product="walk", results={"w": metrics})}
    )


def test_every_class_has_a_row() -> None:
    rows = by_class.rows([run_of("a", [0, 1, 1, 1])], ("cat",))
    assert tables.read_rows(by_class.text(rows)) == rows
    keys = ("run", "split", "stage", "class", "iou", "precision", "recall", "pixels", "seeds")
    assert [[row[key] for key in keys] for row in rows] == [
        ["a", "val", "pseudo labels", "background", "0.500000", "1.000000", "0.500000", "2", "1"],
        ["a", "val", "pseudo labels", "cat", "0.666667", "0.666667", "1.000000", "2", "1"],
    ]


def test_repeats_have_rows_with_mean_and_deviation() -> None:
    runs = [run_of("a.0", [0, 1, 1, 1]), run_of("a.1", [0, 0, 1, 1])]
    row = by_class.rows(runs, ("cat",))[-1]
    assert (row["run"], row["class"], row["seeds"]) == ("a", "cat", "2")
    assert float(row["iou"]) == pytest.approx(5 / 6, abs=1e-6)
    assert float(row["iou_std"]) == pytest.approx(stdev([2 / 3, 1]), abs=1e-6)


def test_without_masks_there_are_no_rows(make_run) -> None:
    assert by_class.rows([make_run(masks=False)], ("cat",)) == []
