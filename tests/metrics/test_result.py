import json
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

from wsss.config.slices import canonical
from wsss.errors import UserError
from wsss.io.provenance import text_digest
from wsss.metrics.result import (
    METRICS,
    Counts,
    Evaluation,
    Metric,
    Metrics,
    Support,
    absence,
    metrics_of,
)

SUPPORT = Support(split="val", ground_truth="by hand", images=1, images_predicted=2)
COUNTS = Counts(
    confusion=np.array([[3, 1, 0], [0, 3, 0], [0, 0, 0]]),
    per_image={"a": 0.75},
    coverage=0.9,
    label_agreement=0.5,
    alpha=4,
)
METRICS_OF_COUNTS = Metrics.of(COUNTS, ("cat", "dog"), SUPPORT)
EVALUATION = Evaluation(
    **dict(SUPPORT), product="refined", results={"refined alpha 4": METRICS_OF_COUNTS}
)


def sealed(document: dict) -> str:
    return json.dumps(document | {"sha256": text_digest(canonical(document))})


def test_metrics_by_hand() -> None:
    found = METRICS_OF_COUNTS
    assert found.iou == pytest.approx({"background": 3 / 4, "cat": 3 / 4, "dog": 0})
    assert (found.miou, found.miou_present) == pytest.approx((1 / 2, 3 / 4))
    # 4 of 7 pixels are background, of which everything is 4 / 7
    assert found.miou_background == pytest.approx(4 / 7 / 3)
    assert (found.precision, found.recall) == pytest.approx((3 / 8, 1 / 2))
    assert (found.absent_classes, found.alpha) == (("dog",), 4)


def test_metrics_without_masks_are_none() -> None:
    found = Metrics.of(COUNTS, ("cat", "dog"), SUPPORT.model_copy(update={"images": 0}))
    for name, metric in METRICS.items():
        assert (found.value(name) is None) == (metric.needs_masks or metric.location)
    assert (found.iou, found.confusion, found.absent_classes) == (None,) * 3


def test_the_file_gives_back_the_evaluation() -> None:
    assert Evaluation.from_text(EVALUATION.to_text()) == EVALUATION


def test_classes_need_not_be_in_the_order_of_their_names() -> None:
    found = Metrics.of(COUNTS, ("zebra", "ant"), SUPPORT)
    evaluation = EVALUATION.model_copy(update={"results": {"refined alpha 4": found}})
    assert Evaluation.from_text(evaluation.to_text()) == evaluation


def test_equal_evaluations_give_equal_text() -> None:
    assert EVALUATION.to_text() == EVALUATION.model_copy(deep=True).to_text()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (EVALUATION.to_text().replace("0.75", "0.95"), "damaged eval file .*checksum"),
        (EVALUATION.to_text()[:-20], "damaged eval file"),
        ("[" * 100_000, "damaged eval file"),
        ("[]", "damaged eval file"),
        (sealed(EVALUATION.model_dump(mode="json") | {"results": 3}), "eval file .results: "),
        (sealed(EVALUATION.model_dump(mode="json") | {"version": 1}), "of version 1 of"),
        (sealed({"kind": "cam", "split": "val", "results": {}}), "of no version of the format"),
    ],
)
def test_what_is_no_eval_file_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "eval.val.json"
    file.write_text(text)
    with pytest.raises(UserError, match=problem) as raised:
        Evaluation.read(file)
    message = str(raised.value)
    assert message.startswith(f"{file}: ") and message.endswith("; delete it and run again")
    assert "\n" not in message


@pytest.mark.parametrize("wrong", [{"miou": 0.9}, {"iou": {"background": 1, "cat": 1, "dog": 0}}])
def test_a_metric_that_contradicts_its_matrix_is_damage(wrong: dict[str, object]) -> None:
    results = {"refined alpha 4": METRICS_OF_COUNTS.model_copy(update=wrong)}
    edited = EVALUATION.model_copy(update={"results": results})
    with pytest.raises(ValueError, match=f"refined alpha 4: {next(iter(wrong))} is not that of"):
        Evaluation.from_text(edited.to_text())


def test_a_missing_eval_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"eval\.json: cannot be read"):
        Evaluation.read(tmp_path / "eval.json")


def test_a_metric_is_one_field() -> None:
    class More(Metrics):
        accuracy: Annotated[float | None, Metric("accuracy", lambda c: c.trace() / c.sum())]

    found = More.of(COUNTS, ("cat", "dog"), SUPPORT)
    assert list(metrics_of(More)) == [*METRICS, "accuracy"]
    assert found.value("accuracy") == pytest.approx(6 / 7)


def test_a_default_that_hides_the_function_is_refused() -> None:
    with pytest.raises(TypeError, match="give its field no default value"):
        Metric("accuracy", None)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["cat"], "1 class never occurs in the val masks and counts as 0: cat"),
        (["cat", "owl"], "2 classes never occur in the val masks and count as 0: cat, owl"),
    ],
)
def test_absence_is_one_sentence(names: list[str], text: str) -> None:
    assert absence(names, "val") == text
