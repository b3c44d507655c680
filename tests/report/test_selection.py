import numpy as np
import pytest

from wsss.metrics.suspicion import Stage
from wsss.report import selection
from wsss.report.selection import Look


def label_map(share: float) -> np.ndarray:
    labels = np.zeros((100, 100), np.uint8)
    labels[: round(100 * share)] = 1
    return labels


def test_stages_that_agree_give_no_reason() -> None:
    labels = label_map(0.4)
    found = selection.look(labels, {1: "cat"}, [Stage("seed", labels)], undecided=0.0)
    assert found == (0.0, (), 0.0)


def test_the_nearest_stage_is_a_reason_and_all_count_for_disagreement() -> None:
    stages = [Stage("seed", label_map(0.4)), Stage("refined maps", label_map(0.2))]
    found = selection.look(label_map(0.4), {1: "cat"}, stages, undecided=None)
    assert found.reasons == ("unlike the refined maps (IoU 50 %)",)
    assert (found.suspicion, found.disagreement) == (pytest.approx(0.5), pytest.approx(0.25))


def test_the_strangest_come_first() -> None:
    looks = {
        "a": Look(0.9, (), 0.0),
        "b": Look(0.2, ("x",), 0.5),
        "c": Look(0.5, ("x", "y"), 0.0),
        "d": Look(0.2, ("x",), 0.9),
    }
    assert selection.suspicious(looks, 2) == ["c", "b"]
    assert selection.disagreeing(looks, 5) == ["d", "b"]
