from dataclasses import replace

import pytest

from tests.report.conftest import scores_of
from wsss.report import classifiers, tables

ONE = scores_of(cat=(4, 0.9), dog=(3, 0.3), owl=(0, 0))
OTHER = scores_of(cat=(4, 0.7), dog=(3, 0.55), owl=(0, 0))


def test_the_summary_has_a_row_per_classifier(make_run) -> None:
    (row,) = classifiers.summary_rows([make_run(scores=ONE), make_run("b")])
    assert set(row) == set(tables.SUMMARY)
    known = ("run", "stage", "split", "images_predicted", "map", "f1", "not_learnt", "seeds")
    assert [row[name] for name in known] == [
        *("psa", "classifier", "val", "10", "0.600000", "0.300000", "dog", "1")
    ]
    assert {row[name] for name in ("miou", "images", "label_agreement", "map_std")} == {""}


def test_a_classifier_that_is_not_trained_is_said_to_be_so(make_run) -> None:
    said = {"classifier": "untrained"}
    runs = [replace(make_run(f"a.{seed}", scores=ONE), variants=said) for seed in (0, 1)]
    rows = classifiers.summary_rows(runs)
    assert [row["stage"] for row in rows] == ["classifier untrained"] * 3


def test_repeats_have_a_row_of_means(make_run) -> None:
    rows = classifiers.summary_rows([make_run("a.0", scores=ONE), make_run("a.1", scores=OTHER)])
    assert [row["run"] for row in rows] == ["a.0", "a.1", "a"]
    mean = rows[-1]
    assert (mean["seeds"], mean["map"], mean["map_std"]) == ("2", "0.612500", "0.017678")
    # chance is 44.9 %: 55 % is more than a tenth of the way to 100 %, 42.5 % is not
    assert [row["not_learnt"] for row in rows] == ["dog", "", "dog"]


def test_the_mean_of_one_is_itself() -> None:
    assert classifiers.mean_scores([ONE]) is ONE
    assert classifiers.mean_scores([ONE, OTHER]).classes["cat"].ap == pytest.approx(0.8)


def test_the_table_begins_with_the_worst_class() -> None:
    trained = scores_of("train", cat=(5, 1.0), dog=(5, 1.0), owl=(1, 1.0))
    table = classifiers.table(ONE, trained)
    assert table["splits"] == ["val", "train"]
    rows = {row["label"]: row for row in table["rows"]}
    assert list(rows) == ["dog", "cat", "owl", "mean"]
    assert rows["dog"]["cells"] == ["3", "30.0", "15.0", "5", "100.0", "50.0"]
    assert rows["owl"]["cells"][:3] == [tables.NONE] * 3
    assert rows["mean"]["cells"] == ["10", "60.0", "30.0", "10", "100.0", "50.0"]
    assert [label for label, row in rows.items() if row["bad"]] == ["dog"]


def test_a_class_that_is_not_recognised_has_a_sentence() -> None:
    (sentence,) = classifiers.sentences(ONE)
    assert sentence.startswith(
        "The classifier does not recognise dog (AP 30.0 %, 3 images; in random"
    )
    assert classifiers.sentences(OTHER) == []


def test_a_class_with_too_few_images_is_no_verdict(make_run) -> None:
    scores = scores_of(cat=(4, 0.9), dog=(2, 0.3), owl=(8, 0.1))
    (row,) = classifiers.summary_rows([make_run(scores=scores)])
    assert (row["not_learnt"], row["unjudged"]) == ("", "dog, owl")
    assert classifiers.sentences(scores) == []
    assert not any(row["bad"] for row in classifiers.table(scores, None)["rows"])
