import numpy as np
import pytest

from wsss.metrics.classifier import LEARNT, ClassifierScores

LOGITS = np.array([[2.0, -3.0, 1.0], [1.0, -2.0, 1.0], [-1.0, -1.0, 1.0], [-2.0, 5.0, 1.0]])
LABELS = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]], bool)
SCORES = ClassifierScores.of(LOGITS, LABELS, ("dog", "cat", "owl"), "val")


def test_metrics_by_hand() -> None:
    dog, cat, owl = (SCORES.classes[name] for name in ("dog", "cat", "owl"))
    assert (dog.positives, dog.ap, dog.f1) == (2, pytest.approx((1 + 2 / 3) / 2), 1 / 2)
    assert (cat.positives, cat.ap, cat.f1) == (1, 1 / 4, 0)
    assert (owl.positives, owl.ap, owl.f1, owl.chance) == (0, None, None, None)


def test_classes_without_images_are_left_out_of_means() -> None:
    assert SCORES.map == pytest.approx((5 / 6 + 1 / 4) / 2)
    assert SCORES.f1 == pytest.approx(1 / 4)


def test_a_class_near_chance_is_not_learnt() -> None:
    many = ClassifierScores.of(
        np.tile(LOGITS, (3, 1)), np.tile(LABELS, (3, 1)), ("dog", "cat", "owl"), "val"
    )
    assert list(many.not_learnt) == ["cat"] and not many.unjudged
    cat = many.classes["cat"]
    bound = cat.chance + LEARNT * (1 - cat.chance)
    assert [cat.model_copy(update={"ap": bound + d}).learnt for d in (-0.01, 0.01)] == [False, True]


@pytest.mark.parametrize(
    ("positives", "judged"), [(0, False), (2, False), (3, True), (7, True), (8, False), (10, False)]
)
def test_a_class_is_judged_by_images_with_and_without_it(positives: int, judged: bool) -> None:
    labels = (np.arange(10) >= 10 - positives)[:, None]
    scores = ClassifierScores.of(-np.arange(10.0)[:, None], labels, ("cat",), "val")
    assert list(scores.not_learnt) == ["cat"] * judged
    assert list(scores.unjudged) == ["cat"] * (positives > 0 and not judged)


def test_without_images_there_is_no_mean() -> None:
    none = ClassifierScores.of(np.zeros((0, 1)), np.zeros((0, 1), bool), ("cat",), "val")
    assert (none.map, none.f1, none.images) == (None, None, 0)


def test_the_file_gives_back_the_scores() -> None:
    assert ClassifierScores.from_text(SCORES.to_text()) == SCORES


@pytest.mark.parametrize("wrong", [{"map": 0.9}, {"f1": None}])
def test_a_mean_that_contradicts_its_classes_is_damage(wrong: dict[str, float | None]) -> None:
    edited = SCORES.model_copy(update=wrong)
    with pytest.raises(ValueError, match="is not that of its classes"):
        ClassifierScores.from_text(edited.to_text())
